"""Words of the published site, its badges and the comment of a CI job: key → (English, Japanese)."""

from __future__ import annotations

from qmtestbed.render.phrases import Table

SITE: Table = {
    "site.title": ("Quality reports", "品質評価報告書の一覧"),
    "site.lead": (
        "The latest assessment of each component, and how its verdicts went before.",
        "各機械学習要素の最新の評価と、これまでの判定の推移です。",
    ),
    "site.none": ("Nothing has been published here yet.", "公開された評価はまだありません。"),
    "site.all": ("All components", "機械学習要素の一覧"),
    "site.runs.one": ("{n} assessment", "評価 {n} 回"),
    "site.runs": ("{n} assessments", "評価 {n} 回"),
    "site.latest": ("Latest report", "最新の報告書"),
    "site.pages": ("Files", "ファイル"),
    "site.required": ("Looked at", "判定の対象"),
    "site.history": ("History", "評価の推移"),
    "site.history.lead": ("Newest first.", "新しい順に示します。"),
    "site.history.cut": (
        "The newest {n} of {of} assessments; site.json lists them all.",
        "{of} 件の評価のうち新しい {n} 件です。全件は site.json にあります。",
    ),
    "site.criteria": ("Criteria over time", "判定基準の推移"),
    "site.criteria.lead": (
        "One point per assessment, oldest left: ● met, ◆ not met, ■ undetermined, with its interval; the line is the "
        "limit, and the shaded side meets it.",
        "評価ごとに 1 点、左が古い順です。記号は ● 達成（OK）、◆ 未達（NG）、■ 判定不能（ERR）を表し、縦線は信頼区間、"
        "横線は基準値、網かけの側は基準を満たす範囲です。",
    ),
    "site.criteria.open": ("Not met or undetermined", "未達（NG）または判定不能（ERR）"),
    "site.criteria.met": ("Met", "達成（OK）"),
    "site.criteria.gone": ("Not judged in the latest assessment", "最新の評価では判定していない基準"),
    "site.criteria.none": ("No criterion was judged in any of them.", "判定した基準はありません。"),
    "site.changed": (" not that of the assessment before", "前回の評価と異なる"),
    "site.drawn": ("the newest {n}", "新しい {n} 件"),
    "site.numbers": ("Numbers", "数値"),
    "site.share.axis": (
        "Share of criteria met, 0 to 100 %, oldest left",
        "達成した判定基準の割合（0 ～ 100 %、左が古い順）",
    ),
    "site.share": ("Share of criteria met: {history}", "達成した判定基準の割合：{history}"),
    "site.series": ("{text} over {n} assessments, latest: {found}", "{text}：評価 {n} 回の推移、最新 {found}"),
    "site.levels": ("Levels", "レベル"),
    "site.interval": ("Interval", "信頼区間"),
    "require.criteria-or-waived": ("criteria, waivers accepted", "判定基準（特別採用を認める）"),
    "require.criteria": ("criteria", "判定基準"),
    "require.measured": ("criteria and measured parts", "判定基準と測定による裏付け"),
    "require.requirements": ("criteria and requirements", "判定基準と要求事項"),
}

BADGE: Table = {
    "badge.label": ("quality", "品質"),
    "badge.not_met": ("{message}, {n} not met", "{message}、未達（NG）{n} 件"),
    "badge.undetermined": ("{message}, {n} undetermined", "{message}、判定不能（ERR）{n} 件"),
    "badge.waived": ("{message} ({n} waived)", "{message}（うち特別採用 {n} 件）"),
    "badge.further": ("{message}, {what}: {verdict}", "{message}、{what}の判定：{verdict}"),
}

COMMENT: Table = {
    "comment.against": (
        "Compared with the target branch, assessed on {as_of} (run {run}): {verdict}, {message}.",
        "対象ブランチの評価（{as_of}、実行 ID {run}）との比較です。"
        "対象ブランチの判定は「{verdict}」（{message}）でした。",
    ),
    "comment.alone": (
        "There is no assessment of the target branch to compare with.",
        "比較できる対象ブランチの評価はありません。",
    ),
    "comment.worse": ("Worse", "悪化"),
    "comment.unwaived": ("No longer waived", "特別採用の終了"),
    "comment.waived": ("Waived now", "特別採用を開始"),
    "comment.better": ("Better", "改善"),
    "comment.new": ("New", "新規"),
    "comment.gone": ("No longer judged", "判定の対象外に"),
    "comment.levels": ("Levels", "レベル"),
    "comment.values": ("Same verdict, other value or limit", "判定は同じで、値または基準値が変化"),
    "comment.inputs": ("Other inputs than then: {names}", "対象ブランチと異なる入力：{names}"),
    "comment.failing": ("Not met or undetermined", "未達（NG）または判定不能（ERR）"),
    "comment.was": ("was {what}", "以前は {what}"),
    "comment.same.one": ("{n} criterion is as it was.", "{n} 件の判定基準に変化はありません。"),
    "comment.same": ("{n} criteria are as they were.", "{n} 件の判定基準に変化はありません。"),
    "comment.cut": (
        "The rest is left out here; the report has everything.",
        "以降は省略しました。全内容は報告書にあります。",
    ),
    "comment.unfinished": (
        "No assessment was finished, so there is no verdict; the log of the job says why.",
        "評価が完了しなかったため、判定はありません。理由はジョブのログにあります。",
    ),
}
