"""What the page of a comparison and the part "since last time" say: key → (English, Japanese)."""

from __future__ import annotations

from qmtestbed.render.phrases import Table

COMPARED: Table = {
    "compare.report": ("Comparison of runs", "実行結果の比較"),
    "compare.footer": (
        "A comparison of recorded evidence, made by qmtestbed. Verdicts and measures are those of the runs; nothing "
        "was measured anew but the differences that are compared item by item.",
        "記録されたエビデンスを qmtestbed が比較したものです。判定と測定値は各実行のものであり、新たに測定したのは、"
        "同じ事例どうしを比較した差（対応あり）のみです。",
    ),
    "compare.run_of": ("run {run} of {date}", "実行 {run}（{date}）"),
    "compare.first": ("the others are compared with this one", "ほかの実行はこれと比較"),
    "compare.headline": ("Against {name}", "{name} との比較"),
    "compare.components": (
        "The runs are of different components: their verdicts stand side by side, and no difference is a change for "
        "better or worse.",
        "異なる機械学習要素の実行を比較しています。判定を並べて示すものであり、差は改善や悪化を意味しません。",
    ),
    "compare.level": ("{dimension}, level reached: {level}", "{dimension}、到達レベル：{level}"),
    "compare.n_shown.one": ("{n} measure shown to differ", "差が示された測定量：{n} 件"),
    "compare.n_shown": ("{n} measures shown to differ", "差が示された測定量：{n} 件"),
    "compare.nothing": ("No criterion in any of the runs.", "どの実行にも判定基準がありません。"),
    "compare.unchanged": (
        "No verdict is another than in {name}.",
        "判定が {name} と異なる基準はありません。",
    ),
    "compare.changes": ("Verdict changes", "判定の変化"),
    "compare.shown": ("Measures shown to differ", "差が示された測定量"),
    "compare.shown.none": (
        "No interval shows that a measure differs.",
        "差を示す信頼区間はありません。",
    ),
    "compare.levels": ("Levels reached", "到達レベル"),
    "compare.different": ("What was different", "相違点"),
    "compare.different.none": (
        "Nothing that the runs record: inputs, parameters, versions and environment are the same.",
        "記録された範囲では、入力・パラメーター・バージョン・実行環境に違いはありません。",
    ),
    "compare.inputs": ("Inputs and plan", "入力と計画"),
    "compare.environment": ("Environment", "実行環境"),
    "compare.difference": ("Difference from {name}", "{name} との差"),
    "compare.all": ("All checks that the runs share", "共通する検査"),
    "compare.all.none": ("The runs have no check in common.", "共通する検査はありません。"),
    "compare.elsewhere": ("not in this run", "この実行にはなし"),
    "compare.reading": ("How to read the differences", "差の読み方"),
    "compare.chance": (
        "Where nothing changed, about one in twenty intervals at 95 % leaves 0 all the same: of many differences, some "
        "are shown by chance.",
        "何も変わっていなくても、95 % 信頼区間のおよそ 20 件に 1 件は 0 を含みません。"
        "差の数が多いと、その一部は偶然によるものです。",
    ),
    "compare.overlap_no_test": (
        "Whether the runs' own intervals overlap is no test: two that overlap can still differ.",
        "各実行の信頼区間が重なるかどうかは、検定の代わりになりません。重なっていても差がある場合があります。",
    ),
    "compare.overlap": ("intervals overlap (no test)", "区間の重なりあり（検定ではない）"),
    "compare.apart": ("intervals do not overlap (no test)", "区間の重なりなし（検定ではない）"),
    "compare.unpaired_why": ("Not compared item by item: {why}.", "対応のある比較を行わなかった理由：{why}"),
    "compare.differs": ("Not the same as in {name}: {what}", "{name} と異なるもの：{what}"),
    "compare.subject": ("What", "対象"),
    "how.same": ("the same record", "同一の記録"),
    "how.paired": ("item by item", "対応のある比較"),
    "how.unpaired": ("from both intervals, unpaired", "対応のない比較（両区間から算出）"),
    "how.values": ("numbers only", "値のみ"),
    "how.meaning.same": (
        "Both runs have the very same record, so there is no difference.",
        "両方の実行が同じ記録を用いているため、差はありません。",
    ),
    "how.meaning.paired": (
        "The AIT was called on both runs' predictions of the same items, with and without each part of them: what "
        "makes an item hard for both falls out. An interval that leaves 0 shows a difference.",
        "同じ事例に対する両実行の予測を AIT で測定し、事例の一部を除いて繰り返した結果から差の区間を求めています。"
        "両者に共通する事例の難しさは打ち消されます。区間が 0 を含まなければ、差が示されたことになります。",
    ),
    "how.meaning.unpaired": (
        "From the two intervals, as if of samples that have nothing to do with each other: wider than need be where "
        "the items are the same.",
        "互いに独立な標本とみなし、二つの区間から算出しています。事例が同じ場合、区間は必要以上に広くなります。",
    ),
    "how.meaning.values": (
        "Nothing says how sure the difference is, or the two were not measured in the same way.",
        "差の確からしさを示すものがないか、測定方法が同じではありません。",
    ),
    "shown.better": ("better", "改善"),
    "shown.worse": ("worse", "悪化"),
    "shown.different": ("different", "差あり"),
    "shown.not_shown": ("no difference shown", "差は示されず"),
    "since.title": ("Since last time", "前回からの変化"),
    "since.of": ("Compared with run {run} of {date}", "前回：実行 {run}（{date}）"),
    "since.criteria": ("{met} of {judged} met then", "前回は {judged} 件中 {met} 件が達成"),
    "since.unchanged": ("No verdict changed.", "判定に変化はありません。"),
    "since.nothing": ("Neither run has a criterion.", "どちらの実行にも判定基準がありません。"),
    "since.before": ("then", "前回"),
    "since.after": ("now", "今回"),
    "since.more": ("{n} more", "ほか {n} 件"),
    "since.level": ("{dimension}: {before} then, {after} now", "{dimension}：前回 {before}、今回 {after}"),
    "since.different": ("Different", "相違点"),
    "since.different.none": ("Nothing that both runs record.", "記録された範囲では、相違点はありません。"),
    "change.worse": ("worse", "悪化"),
    "change.unwaived": ("no longer waived", "特別採用の終了"),
    "change.waived": ("waived now", "特別採用を開始"),
    "change.gone": ("gone", "比較元のみ"),
    "change.restated": ("other limit", "基準を変更"),
    "change.new": ("new", "新規"),
    "change.better": ("better", "改善"),
    "change.same": ("unchanged", "変化なし"),
    "change.absent": ("in neither", "どちらにもなし"),
    "difference.component": ("component", "機械学習要素"),
    "difference.model": ("model", "モデル"),
    "difference.predictions": ("predictions", "予測結果"),
    "difference.data": ("data", "データ"),
    "difference.roles": ("roles of columns", "列の役割"),
    "difference.ait": ("AIT", "AIT のバージョン"),
    "difference.parameter": ("parameter", "パラメーター"),
    "difference.seed": ("seed", "シード"),
    "difference.confidence": ("confidence", "信頼水準"),
    "difference.guideline": ("guideline", "ガイドライン"),
    "difference.level": ("level asked for", "目標レベル"),
    "difference.qmtestbed": ("qmtestbed", "qmtestbed のバージョン"),
    "difference.python": ("Python", "Python のバージョン"),
    "difference.platform": ("platform", "プラットフォーム"),
    "difference.library": ("library", "ライブラリー"),
    "difference.isolation": ("isolation", "隔離"),
}
