"""Words of the page of an AIT and of their index: key → (English, Japanese)."""

from __future__ import annotations

from qmtestbed.render.phrases import Table

AIT: Table = {
    "ait.about": (
        "`{id}` {version} · {quality}",
        "`{id}` {version} ・ {quality}",
    ),
    "ait.purpose": ("Purpose", "目的"),
    "ait.threat": ("Threat model", "脅威モデル"),
    "ait.inputs": ("Inputs", "入力"),
    "ait.input": ("Input", "入力"),
    "ait.kind": ("Kind", "種別"),
    "ait.needs": ("Needs", "必要とする役割・機能"),
    "ait.optional": ("Optional", "任意"),
    "ait.parameters": ("Parameters", "パラメーター"),
    "ait.parameter": ("Parameter", "パラメーター"),
    "ait.type": ("Type", "型"),
    "ait.default": ("Default", "既定値"),
    "ait.allowed": ("Allowed", "許容される値"),
    "ait.text": ("What it is", "説明"),
    "ait.measures": ("Measures", "測定量"),
    "ait.measure": ("Measure", "測定量"),
    "ait.range": ("Range", "値域"),
    "ait.better": ("Better", "望ましい方向"),
    "ait.per": ("One per", "区分"),
    "ait.better.higher": ("higher", "大きいほど良い"),
    "ait.better.lower": ("lower", "小さいほど良い"),
    "ait.better.none": ("neither", "方向なし"),
    "ait.sequence": ("element", "要素"),
    "ait.resources": ("Figures and tables", "図表"),
    "ait.resource": ("Name", "名称"),
    "ait.findings": ("Findings", "指摘事項"),
    "ait.findings.lead": (
        "Kinds of findings that its example and its control pair give:",
        "例と対照入力で得られる指摘事項の種別を示します。",
    ),
    "ait.findings.none": (
        "Its example and its control pair give none.",
        "例と対照入力では、指摘事項は得られません。",
    ),
    "ait.criteria": ("Default criteria", "既定の判定基準"),
    "ait.because": ("Why: {text}.", "理由：{text}。"),
    "ait.false_alarm": ("When it is missed though nothing is wrong: {text}.", "問題がないのに未達となる場合：{text}."),
    "ait.rate": ("Share of clean inputs that miss it: {rate}.", "問題のない入力が未達となる割合：{rate}"),
    "ait.only_with": ("Only with the inputs: {inputs}.", "適用の条件となる入力：{inputs}"),
    "ait.clauses": ("Clauses it informs", "関連する要求事項"),
    "ait.guideline": ("Guideline", "ガイドライン"),
    "ait.clause": ("Clause", "要求事項"),
    "ait.counts": ("Counts as evidence", "エビデンスとしての扱い"),
    "ait.counts.yes": ("yes", "算入"),
    "ait.counts.no": ("shown beside it only", "参考表示のみ"),
    "ait.clauses.none": (
        "No installed guideline names it, and it names no clause.",
        "この AIT を挙げるガイドラインはなく、AIT 側でも要求事項を指定していません。",
    ),
    "ait.control": ("Control pair", "対照入力による確認"),
    "ait.control.lead": (
        "The default criteria on input known to be good and on input known to be bad, as `qmtestbed ait check` found "
        "them.",
        "問題がないと分かっている入力と、問題があると分かっている入力に対する、既定の判定基準の結果です。"
        "`qmtestbed ait check` で確認しています。",
    ),
    "ait.control.none": ("It has none.", "対照入力がありません。"),
    "ait.check": ("Input", "入力"),
    "ait.criterion": ("Criterion", "判定基準"),
    "ait.found": ("Found", "結果"),
    "ait.verdict": ("Verdict", "判定"),
    "ait.limits": ("Limits", "実行の上限"),
    "ait.limits.text": (
        "Time {timeout}, memory {memory}, rows {rows}, threads {threads}.",
        "時間 {timeout}、メモリー {memory}、行数 {rows}、スレッド数 {threads}",
    ),
    "ait.limits.all": ("all", "全行"),
    "ait.random": ("It draws at random, from the plan's seed.", "計画のシードに基づき、無作為抽出を行います。"),
    "ait.requires": ("It requires: {what}.", "必要なライブラリー：{what}"),
    "ait.references": ("References", "参考文献"),
    "ait.index": ("AITs", "AIT 一覧"),
    "ait.index.lead": (
        "Every quality test program that is installed, by what it is about. Made by `qmtestbed ait docs`.",
        "利用できる品質テストプログラムを、品質特性ごとに示します。`qmtestbed ait docs` で作成しています。",
    ),
}
