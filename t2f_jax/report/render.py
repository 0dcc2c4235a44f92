"""Renders templates as HTML pages: one self-contained file each, with images and style inside and no scripts.

The templates are beside this file: all pages extend `base.html` and use the blocks of `blocks.html` and the style of
`style.css`. Everything that a template writes is escaped.
"""

import base64
import json
import math
from collections.abc import Sequence
from typing import Any, TypeGuard

import jinja2


def render(template: str, **values: Any) -> str:
    """Renders a template of this folder with `values`."""
    return _environment().get_template(template).render(values)


def render_text(template: str, **values: Any) -> str:
    """As `render`, for a template that is not HTML: nothing is escaped."""
    return _environment(escapes=False).get_template(template).render(values)


def _environment(escapes: bool = True) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("t2f_jax.report", ""),
        autoescape=escapes,
        undefined=jinja2.StrictUndefined,  # a missing name is an error, not an empty text
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for filter_ in (
        anchor,
        data_uri,
        decimal,
        fact,
        fact_name,
        interval,
        measured,
        number,
        pretty_json,
        share,
        signed,
        unit,
    ):
        environment.filters[filter_.__name__] = filter_
    return environment


def share(value: float | None, digits: int = 1) -> str:
    """0.25 -> "25.0%"; None, NaN or infinity -> "–"."""
    return f"{100 * value:.{digits}f}%" if _is_defined(value) else "–"


def decimal(value: float | None, digits: int = 1) -> str:
    """3.14159 -> "3.1"; None, NaN or infinity -> "–"."""
    return f"{value:.{digits}f}" if _is_defined(value) else "–"


def measured(value: float | None, unit: str, named: bool = True) -> str:
    """A figure in its unit, which is written if `named`: 0.25, "share" -> "25.0%"; 3.142, "years" -> "3.14 years"."""
    if unit == "share" or not _is_defined(value):
        return share(value)
    return f"{value:.4g}" if not unit else f"{value:.2f} {unit}" if named else f"{value:.2f}"


def interval(ends: Sequence[float] | None, unit: str) -> str:
    """[0.2, 0.3], "share" -> "20.0% – 30.0%"; None -> "–"."""
    return "–" if ends is None else f"{measured(ends[0], unit, False)} – {measured(ends[1], unit, False)}"


def signed(value: float, unit: str) -> str:
    """A difference: 0.012, "share" -> "+1.2", in percentage points; -0.5, "years" -> "-0.50"."""
    return f"{100 * value:+.1f}" if unit == "share" else f"{value:+.2f}" if unit else f"{value:+.4g}"


def number(value: int) -> str:
    """12029 -> "12,029"."""
    return f"{value:,}"


def _is_defined(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def unit(attribute: str) -> str:
    """The unit after a number of this attribute: " years" or ""."""
    return " years" if attribute == "age" else ""


def fact_name(key: str) -> str:
    """peak_memory_bytes -> "peak memory"."""
    return key.removesuffix("_bytes").replace("_", " ")


def fact(value: Any, key: str) -> str:
    """A value as text. Keys that end in `seconds` or `_bytes` are written in readable units."""
    if key.endswith("seconds") and isinstance(value, (int, float)):
        minutes, seconds = divmod(round(value), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s" if minutes else f"{value:.3g} s"
    if key.endswith("_bytes") and isinstance(value, (int, float)):
        return f"{value / 2**30:.2f} GiB"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value) if isinstance(value, (str, int)) else json.dumps(value, ensure_ascii=False)


def pretty_json(value: Any) -> str:
    """Indented JSON; other values are converted by `str`."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def data_uri(png: bytes) -> str:
    """The bytes of a PNG file -> a data URI, which embeds the image in the page."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def anchor(name: str) -> str:
    """The id of a source's section: "Real faces" -> "source-real-faces"."""
    return "source-" + "".join(c if c.isalnum() else "-" for c in name.lower())
