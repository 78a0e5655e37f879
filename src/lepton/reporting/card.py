"""The model card: what the exported model predicts, from what, how well, and how to run it. Markdown."""

from jinja2 import Environment, PackageLoader, StrictUndefined

from lepton.reporting import headline
from lepton.reporting.content import Content
from lepton.reporting.sections.run import revision
from lepton.reporting.words import count, interval, metric, number, percent, signed, size


def text(content: Content) -> str:
    """Equal content gives equal text."""
    environment = Environment(
        loader=PackageLoader("lepton.reporting", "."),
        autoescape=False,  # the card is text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    words = {f.__name__: f for f in (count, interval, metric, number, percent, signed, size)}
    name, kind = next(iter(content.params.inputs.items()))
    return environment.get_template("card.md.j2").render(
        words,
        content=content,
        params=content.params,
        input_name=name,
        input=kind,
        verdict=headline.verdict(content),
        chosen=headline.chosen_candidate(content),
        revision=revision(content),
        floating=all(told[1] == "float" for told in content.onnx.get("inputs", ())),
    )
