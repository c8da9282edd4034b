"""Headings, labels and sentences of the page: key → (English, Japanese)."""

from __future__ import annotations

from collections.abc import Mapping

Table = Mapping[str, tuple[str, str]]

PAGE: Table = {
    "report": ("Quality report", "品質評価報告書"),
    "footer": (
        "A view of recorded evidence, made by qmtestbed. “Supported by evidence” says what was measured or declared "
        "here, for these inputs, on this day; it is not a statement of conformity.",
        "この報告書は、記録されたエビデンスを qmtestbed が表示したものです。「裏付けあり」は、ここに示す入力と"
        "評価日について測定または申告された内容を述べるものであり、規格やガイドラインへの適合を表明するものではありません。",
    ),
    "shortened": (
        "This run holds more than one page should carry: long lists, tables and texts are cut short here. The run "
        "folder has everything.",
        "この評価の内容は 1 ページに収まる量を超えるため、長い一覧・表・文章を省略しています。"
        "全内容は実行フォルダーにあります。",
    ),
    "nav.skip": ("Skip to content", "本文へ移動"),
    "nav.label": ("Sections", "目次"),
    "legend": ("Signs", "記号"),
    "yes": ("yes", "はい"),
    "no": ("no", "いいえ"),
    "model": ("Model", "モデル"),
    "predictions": ("Predictions", "予測結果"),
    "predictions.only": (
        "as given in a file; the model itself was not run",
        "ファイルで提供（モデル自体は未実行）",
    ),
    "data": ("Data", "データ"),
    "against": ("Assessed against", "評価の基準"),
    "as_of": ("As of", "評価日"),
    "run": ("run", "実行 ID"),
    "pinned_to": (" pinned to ", " の確定先："),
    "no_level_asked": ("no level asked for", "目標レベルの指定なし"),
    "no_guideline": ("no guideline named", "ガイドラインの指定なし"),
    "outside_target": ("outside the target of this assessment", "今回の評価対象外の条項"),
    "n_rows.one": ("{n} row", "{n} 行"),
    "n_rows": ("{n} rows", "{n} 行"),
    "n_columns.one": ("{n} column", "{n} 列"),
    "n_columns": ("{n} columns", "{n} 列"),
}

HEADLINES: Table = {
    "criteria": ("Criteria", "判定基準"),
    "evidence": ("Evidence", "エビデンス"),
    "headline.criteria": ("{met} of {judged} met", "{judged} 件中 {met} 件 達成"),
    "headline.judged.one": ("{n} criterion judged", "判定した基準：{n} 件"),
    "headline.judged": ("{n} criteria judged", "判定した基準：{n} 件"),
    "headline.false_alarms": (
        "For {rated} of them it is known how often they miss on data with nothing wrong: {expected} false alarms "
        "are to be expected in all.",
        "このうち {rated} 件は、問題のないデータでも未達となる頻度が分かっています。"
        "想定される誤警報は合計 {expected} 件です。",
    ),
    "headline.nothing_judged": ("nothing was judged", "判定した基準はありません"),
    "headline.of": ("{have} of {need}", "{need} 件中 {have} 件"),
    "headline.none_needed": ("none needed", "対象なし"),
    "headline.measured": ("measured parts {have} of {need}", "測定による裏付け {need} 件中 {have} 件"),
    "headline.declared": ("declared parts {have} of {need}", "申告による裏付け {need} 件中 {have} 件"),
    "headline.measured_parts": ("measured parts supported", "測定による裏付け"),
    "headline.declared_parts": ("declared parts supported", "申告による裏付け"),
    "headline.level.reached": ("{target} reached", "目標 {target} に到達"),
    "headline.level.not_reached": ("{target} asked for, reached: {reached}", "目標 {target}、到達 {reached}"),
    "headline.level.not_applicable": ("{target} does not apply", "{target} は適用対象外"),
    "headline.level.not_covered": (
        "{target} has no requirements in the guideline: never reached here",
        "{target} はガイドラインに要求事項がなく、到達の判定はできません",
    ),
    "headline.no_level": ("no level asked for; add --level", "目標レベルの指定がありません（--level で指定できます）"),
    "headline.contradicted.one": ("{n} requirement contradicted by evidence", "反する結果のある要求事項 {n} 件"),
    "headline.contradicted": ("{n} requirements contradicted by evidence", "反する結果のある要求事項 {n} 件"),
    "headline.not_applicable.one": (
        "{n} requirement declared not applicable:",
        "適用対象外と申告された要求事項 {n} 件：",
    ),
    "headline.not_applicable": ("{n} requirements declared not applicable:", "適用対象外と申告された要求事項 {n} 件："),
    "headline.fill": ("To fill the gap:", "不足を補うには："),
}

WAIVERS: Table = {
    "waivers": ("Waivers", "特別採用"),
    "waivers.lead": (
        "A person gave leave to miss a criterion for a time. It changes no verdict, and what is waived never counts as "
        "met.",
        "基準を満たさないことを、担当者が期限を定めて承認した記録です。判定は変わらず、達成には数えません。",
    ),
    "waiver": ("Waiver", "特別採用"),
    "waiver.reason": ("Reason", "承認の理由"),
    "waiver.by": ("Granted by", "承認者"),
    "waiver.date": ("From", "開始日"),
    "waiver.waived": (
        "waived by {by} from {date} until {until}",
        "{by} が特別採用を承認（{date}～{until}）",
    ),
    "waiver.not_needed": (
        "not needed: met without the waiver by {by} of {date} until {until}",
        "{by} の特別採用（{date}～{until}）は不要（基準を達成）",
    ),
    "waiver.expired": (
        "not waived: the waiver by {by} of {date} ended on {until}",
        "{by} の特別採用（{date}～{until}）は期限切れ",
    ),
    "waiver.not_yet_valid": (
        "not waived: the waiver by {by} begins on {date} (until {until})",
        "{by} の特別採用（{date}～{until}）は有効期間前",
    ),
    "waived.not_met": ("{n} of {of} not met", "未達 {of} 件中 {n} 件"),
    "waived.undetermined": ("{n} of {of} undetermined", "判定不能 {of} 件中 {n} 件"),
    "waived.also": ("{verdict} (waived)", "{verdict}（特別採用）"),
    "waived.and": (" and ", "、"),
    "waived.until": ("{what} waived until {until}", "{what} 特別採用（{until} まで）"),
    "waived.first": ("{what} waived, the first until {until}", "{what} 特別採用（最初の期限 {until}）"),
}

FAILURES: Table = {
    "failures": ("Failures", "未達・判定不能"),
    "failures.title": ("Not met or not determined", "未達または判定不能の基準"),
    "failures.none": (
        "Every criterion that was judged is met. What is not judged is listed under requirements.",
        "判定した基準はすべて達成されています。判定していない事項は「要求事項」をご覧ください。",
    ),
    "failures.nothing_judged": (
        "No criterion was judged, so nothing can be said to be met.",
        "判定した基準がないため、達成したと言えるものはありません。",
    ),
    "failures.more": ("{n} more", "ほか {n} 件"),
    "failures.no_result": ("{check} gave no result", "検査「{check}」の結果が得られませんでした"),
    "against.same": (
        "{value} and {baseline}: the baseline ({name}) is the same model",
        "{value} と {baseline}。ベースライン（{name}）は同一のモデルです。",
    ),
    "found": ("Found", "測定値"),
    "limit": ("Limit", "基準値"),
    "baseline": ("baseline", "ベースライン"),
    "against.paired": (
        "{value} against {baseline} of the baseline ({name}), compared item by item",
        "モデル {value}、ベースライン（{name}）{baseline}。同じ項目どうしで比較",
    ),
    "against.unpaired": (
        "{value} against {baseline} of the baseline ({name}), measured apart from each other",
        "モデル {value}、ベースライン（{name}）{baseline}。別々の測定どうしで比較",
    ),
    "how_sure": ("How sure", "確からしさ"),
    "where": ("Where", "該当箇所"),
    "because": ("Why this limit", "基準の理由"),
    "meaning": ("What it means", "意味"),
    "clauses": ("Clauses", "対象条項"),
    "clauses.none": ("no clause of the target", "対象となる条項なし"),
    "reason": ("Reason", "理由"),
    "element": ("element {n}", "{n} 番目"),
    "decides": ("{key}, which decides among {of}", "{key}（{of} 区分のうち判定を決めたもの）"),
    "interval_at": ("at {level}", "（信頼水準 {level}）"),
    "sure.inside": ("The whole interval meets the limit.", "信頼区間の全体が基準を満たしています。"),
    "sure.outside": (
        "The whole interval misses the limit: more data of this kind would hardly change that.",
        "信頼区間の全体が基準を外れています。同種のデータを増やしても結果が変わる見込みはほとんどありません。",
    ),
    "sure.across": (
        "The interval reaches across the limit: with this many items neither side is shown.",
        "信頼区間が基準値をまたいでおり、この件数ではどちらとも言えません。",
    ),
    "sure.across_point": (
        "Judged by the value alone; the interval reaches across the limit, so the verdict is not shown at that "
        "confidence.",
        "点推定値のみで判定しています。信頼区間が基準値をまたぐため、判定は信頼水準のもとで確認されたものではありません。",
    ),
    "sure.point": (
        "A single number without an interval: how much another sample would change it is not known.",
        "信頼区間のない単一の値です。別の標本でどの程度変わるかは分かりません。",
    ),
    "sure.none": ("No value to judge.", "判定できる値がありません。"),
    "error.what": ("What", "内容"),
    "error.where": ("Where", "場所"),
    "error.found": ("Found", "検出内容"),
    "error.do": ("What to do", "対処"),
    "findings": ("Findings", "指摘"),
    "findings_left": ("… and {n} more in assessment.json", "ほか {n} 件（assessment.json を参照）"),
    "subject.column": ("column {name}", "列 {name}"),
    "subject.slice": ("slice {name}", "部分集合 {name}"),
    "subject.class": ("class {name}", "クラス {name}"),
    "subject.pair": ("{first} × {second}", "{first} × {second}"),
    "subject.rows": ("rows {rows}", "行 {rows}"),
    "subject.rows_more": ("rows {rows} and {more} more", "行 {rows} ほか {more} 行"),
}

REQUIREMENTS: Table = {
    "requirement": ("Requirement", "要求事項"),
    "requirements": ("Requirements", "要求事項"),
    "requirements.title": ("Requirements and their evidence", "要求事項とエビデンス"),
    "requirements.lead": (
        "Every requirement of the target, by quality and level. Each leads to its evidence below, and the evidence "
        "leads back.",
        "目標に含まれるすべての要求事項を、品質特性とレベルごとに示します。各項目から下のエビデンスへ、"
        "エビデンスから要求事項へ移動できます。",
    ),
    "requirements.matrix": (
        "Requirements of {guideline} by quality and level",
        "{guideline} の要求事項（品質特性・レベル別）",
    ),
    "requirements.by_level": ("Levels, lowest first", "レベル（低い順）"),
    "requirements.nothing": ("nothing measured or declared", "測定・申告ともになし"),
    "requirements.back": ("back to the overview", "一覧に戻る"),
    "requirements.empty": ("The target holds no requirements.", "目標に含まれる要求事項はありません。"),
    "dimension": ("Quality", "品質特性"),
    "target": ("target", "目標"),
    "reached": ("reached", "到達"),
    "related": ("Related, not deciding", "参考（判定には用いない）"),
    "part.measured": ("measured", "測定"),
    "part.declared": ("declared", "申告"),
    "levels": ("Levels", "レベル"),
    "levels.title": ("Levels: target and reached", "レベル：目標と到達"),
    "levels.empty": (
        "No level was asked for, or the guideline has none.",
        "目標レベルの指定がないか、ガイドラインにレベルがありません。",
    ),
    "level.external": ("External qualities", "外部品質"),
    "level.internal": ("Internal qualities", "内部品質"),
    "level.target": ("Target", "目標"),
    "level.reached": ("Reached", "到達"),
    "level.measured_side": ("Reached by measurement alone", "測定のみでの到達"),
    "level.nothing_to_measure": ("nothing to measure", "測定の対象なし"),
    "level.none": ("none", "なし"),
    "verdict": ("Verdict", "判定"),
    "guidelines": ("Guidelines", "ガイドライン"),
}

CHECKS: Table = {
    "checks": ("Checks", "検査"),
    "checks.title": ("Checks", "検査の詳細"),
    "checks.none": ("No check was run.", "実行した検査はありません。"),
    "check.reported": (
        "Measured and shown, not judged: the plan sets no criterion here.",
        "測定値のみを示します。計画に判定基準がないため、判定はしていません。",
    ),
    "criterion": ("Criterion", "判定基準"),
    "interval": ("Interval", "信頼区間"),
    "against_limit": ("Against the limit", "基準値との比較"),
    "measure": ("Measure", "測定項目"),
    "measures": ("Measures", "測定値一覧"),
    "measure.key": ("For", "区分"),
    "measure.value": ("Value", "値"),
    "measure.empty": ("nothing was found to measure", "測定の対象がありません"),
    "unit": ("Unit", "単位"),
    "figure.data": ("Data behind this figure", "図のデータ"),
    "figure.missing": ("This resource is not in the evidence.", "このデータはエビデンスに含まれていません。"),
    "table.left": (
        "Not shown here: {rows} more rows, {columns} more columns.",
        "表示していないもの：{rows} 行、{columns} 列",
    ),
    "table.series": ("series", "系列"),
    "table.from": ("from", "以上"),
    "table.to": ("to", "未満"),
    "table.label": ("label", "項目"),
    "table.value": ("value", "値"),
    "table.low": ("low", "下限"),
    "table.high": ("high", "上限"),
    "chart.rows": ("rows", "行"),
    "chart.columns": ("columns", "列"),
    "chart.count": ("count", "件数"),
    "chart.share": ("share", "割合"),
    "chart.limit": ("limit", "基準値"),
    "chart.limit_title": ("{text}: found {found}, limit {limit}", "{text}：測定値 {found}、基準値 {limit}"),
    "no_value": ("no value", "値なし"),
    "inputs": ("Inputs", "入力"),
    "input": ("Input", "入力"),
    "parameters": ("Parameters", "パラメーター"),
    "method": ("Method", "方法"),
    "items": ("{measured} of {planned} items measured", "{planned} 件中 {measured} 件を測定"),
    "items.invalid": (", {n} not usable", "（使用不可 {n} 件）"),
    "left_out": ("Left out", "対象外の AIT"),
    "left_out.title": ("AITs left out, and why", "実施しなかった AIT とその理由"),
}

APPENDIX: Table = {
    "appendix": ("Appendix", "付録"),
    "appendix.title": ("Appendix: what the evidence rests on", "付録：エビデンスの根拠"),
    "assumptions": ("Assumptions", "前提"),
    "assume.short": (
        "The intervals presume independent rows.",
        "信頼区間は、各行が互いに独立であることを前提としています。",
    ),
    "assume.independent": (
        "Exact intervals presume independent rows. No group role is declared for: {names}. Where rows belong together "
        "(the same person, device or scene), the intervals are too narrow; declare the group role in the plan.",
        "信頼区間は、各行が互いに独立であることを前提としています。次の入力には group の指定がありません：{names}。"
        "同じ人・機器・場面などに属する行が含まれる場合、区間は実際より狭くなります。計画で group を指定してください。",
    ),
    "remarks": ("Remarks", "所見"),
    "remarks.lead": (
        "What people said of this run afterwards. No remark changes a verdict.",
        "評価後に人が記した所見です。所見によって判定が変わることはありません。",
    ),
    "n_remarks.one": ("{n} remark", "所見 {n} 件"),
    "n_remarks": ("{n} remarks", "所見 {n} 件"),
    "remarks.left": ("Earlier remarks not shown here: {n}", "表示していない以前の所見：{n} 件"),
    "remark": ("Remark", "所見"),
    "remark.about": ("About", "対象"),
    "remark.by": ("By", "記入者"),
    "remark.at": ("When", "日時"),
    "remark.whole": ("the run as a whole", "評価全体"),
    "notes": ("Notes on this run", "この評価についての注記"),
    "declarations": ("Declarations", "申告"),
    "declarations.none": ("None.", "ありません。"),
    "declared.what": ("Statement", "内容"),
    "declared.no": ("answered no:", "「いいえ」の回答："),
    "declared.file": ("File", "ファイル"),
    "declared.by": ("By", "申告者"),
    "declared.date": ("Date", "申告日"),
    "declared.until": ("Valid until", "有効期限"),
    "declared.state": ("State", "状態"),
    "record": ("record", "記録"),
    "records": ("Records", "記録"),
    "records.lead": (
        "One record per job. An attempt that failed stays in the denominator. Digests are SHA-256.",
        "記録はジョブごとに一つです。失敗した試行も分母に含まれます。ダイジェストは SHA-256 です。",
    ),
    "record.title": ("Record", "記録"),
    "record.job": ("Job", "ジョブ"),
    "record.status": ("Status", "状態"),
    "record.time": ("Time", "所要時間"),
    "record.memory": ("Memory", "メモリー"),
    "record.reused": ("reused", "再利用"),
    "record.key": ("Job key", "ジョブキー"),
    "record.digest": ("Evidence digest", "エビデンスのダイジェスト"),
    "record.program": ("Program", "プログラム"),
    "record.started": ("Started", "開始"),
    "record.kind.measure": ("measurement", "測定"),
    "record.kind.difference": ("comparison with the baseline", "ベースラインとの比較"),
    "record.kind.predict": ("prediction", "予測"),
    "record.kind.probe": ("probe of the model", "モデルの調査"),
    "items.planned": ("Planned", "予定"),
    "items.attempted": ("Tried", "試行"),
    "items.measured": ("Measured", "測定"),
    "items.unusable": ("Not usable", "使用不可"),
    "seed": ("Seed", "シード"),
    "confidence": ("Confidence", "信頼水準"),
    "isolation": ("Isolation", "隔離"),
    "isolation.none": ("none", "なし"),
    "environment": ("Environment", "実行環境"),
    "environments": ("Environments", "実行環境"),
    "reading": ("How to read the verdicts", "判定の読み方"),
    "meaning.met": (
        "The found value, with its interval where asked, satisfies the criterion.",
        "測定値（指定時は信頼区間）が基準を満たしています。",
    ),
    "meaning.not_met": ("It does not.", "基準を満たしていません。"),
    "meaning.undetermined": (
        "Neither is shown: too few items, no value, or a check that failed.",
        "どちらとも言えません（件数不足、値なし、または検査の失敗）。",
    ),
    "meaning.waived": (
        "A person gave leave, for a time, to miss the criterion; it counts as not met or undetermined all the same.",
        "基準を満たさないことが期限付きで承認されています。件数では未達または判定不能のままです。",
    ),
    "meaning.reported": (
        "Measured without a criterion; counts for nothing.",
        "基準のない測定値です。判定には数えません。",
    ),
    "meaning.supported": (
        "Every kind of evidence that the requirement needs is there.",
        "要求事項に必要なエビデンスがすべて揃っています。",
    ),
    "meaning.partly_supported": (
        "Some kinds of evidence are there, some are missing.",
        "必要なエビデンスの一部だけがあります。",
    ),
    "meaning.contradicted": ("Evidence speaks against it.", "要求事項に反する結果があります。"),
    "meaning.no_evidence": ("Nothing was measured or declared for it.", "測定も申告もありません。"),
    "meaning.not_applicable": (
        "A person declared that it does not apply; counts neither way.",
        "適用対象外と申告されています。件数には含めません。",
    ),
}

TEMPLATES: Table = {
    "summary.heading": ("Quality summary", "品質評価の要約"),
    "summary.worst": ("Most serious first", "主な指摘"),
    "summary.more": ("{n} more in the quality report", "ほか {n} 件は品質評価報告書を参照"),
    "summary.missing": ("Requirements, and what is missing", "要求事項と不足しているエビデンス"),
    "summary.people": ("Who and when", "担当者と日付"),
    "summary.declared_by": ("Declarations by", "申告者："),
    "summary.nobody": ("nobody", "なし"),
    "summary.full": (
        "This page is cut to one sheet; the quality report and the run folder have everything.",
        "このページは 1 枚に収めるため省略しています。全内容は品質評価報告書と実行フォルダーにあります。",
    ),
    "audit.heading": ("Audit report", "監査用報告書"),
    "audit.clauses": ("Clause by clause", "条項別のエビデンス"),
    "audit.lead": (
        "Every requirement of the target in the order of the guideline, with all that was measured or declared for it. "
        "Where nothing was, that is said.",
        "目標に含まれるすべての要求事項をガイドラインの順に示し、測定または申告された内容をすべて記載します。"
        "何もない場合は、その旨を記します。",
    ),
    "audit.needs": ("Needs", "必要なエビデンス"),
    "audit.records": ("Evidence records", "エビデンスの記録"),
    "audit.no_check": ("No check is meant for this requirement.", "この要求事項を対象とする検査はありません。"),
    "audit.no_record": ("No record.", "記録はありません。"),
    "audit.no_declaration": ("No declaration.", "申告はありません。"),
    "card.heading": ("Model card", "モデルカード"),
    "card.lead": (
        "Sections after Mitchell et al., Model Cards for Model Reporting (2019), filled from recorded evidence alone. "
        "What the evidence does not hold is not stated.",
        "構成は Mitchell ほか「Model Cards for Model Reporting」（2019）によります。"
        "記録されたエビデンスのみから作成し、エビデンスにない事項は「記載なし」とします。",
    ),
    "card.not_stated": ("not stated", "記載なし"),
    "card.details": ("Model details", "モデルの詳細"),
    "card.name": ("Model", "モデル名"),
    "card.requested": ("Asked for as", "指定された名前"),
    "card.version": ("Version", "バージョン"),
    "card.type": ("Kind of model", "モデルの形式"),
    "card.probe": ("Found when it was loaded", "読み込み時に判明した事項"),
    "card.use": ("Intended use", "想定する用途"),
    "card.declared": ("Declared by people", "担当者による申告"),
    "card.factors": ("Factors", "評価の区分"),
    "card.factors.lead": (
        "Checks that were measured for each class, column or group apart; quantitative analyses have the numbers.",
        "クラス・列・グループなどの区分ごとに測定した検査です。数値は「定量的な分析」に示します。",
    ),
    "card.metrics": ("Metrics and their limits", "評価指標と判定基準"),
    "card.evaluation_data": ("Evaluation data", "評価データ"),
    "card.training_data": ("Training data", "訓練データ"),
    "card.roles": ("Roles of columns", "列の役割"),
    "card.analyses": ("Quantitative analyses", "定量的な分析"),
    "card.analyses.lead": (
        "Everything measured, with intervals where the method has one.",
        "測定したすべての値です。方法が区間推定を持つ場合は信頼区間を併記します。",
    ),
    "card.ethics": ("Ethical considerations", "倫理面の考慮事項"),
    "card.ethics.lead": (
        "Checks of fairness, privacy and security; nothing else in the evidence speaks of it.",
        "公平性・プライバシー・セキュリティーに関する検査です。これ以外に該当するエビデンスはありません。",
    ),
    "card.limits": ("Caveats and limitations", "注意事項と限界"),
    "card.missing": ("Requirements without full evidence", "エビデンスが揃っていない要求事項"),
}
