"""The command line, and what its exit codes mean.

0 all equal; 1 a comparison failed; 2 bad usage or bad input; 3 a needed tool is missing;
130 interrupted.
"""

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated

import typer

from bittrue.model.exceptions import BittrueError, ToolMissing

from .console import say, warnings_as_lines
from .curve import curve
from .doctor import doctor
from .export import export
from .import_command import import_command
from .learn import learn
from .mutate import mutate
from .prove import prove
from .quantize import quantize
from .report import report
from .run import run
from .study import study
from .sweep import sweep
from .synth import synth
from .train import train
from .verify import verify

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for command in (
    verify,
    mutate,
    prove,
    curve,
    train,
    learn,
    quantize,
    run,
    study,
    sweep,
    synth,
    export,
    report,
    doctor,
):
    app.command()(command)
app.command("import")(import_command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bittrue {version('bittrue')}")
        raise typer.Exit


@app.callback()
def bittrue(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="And exit.")
    ] = False,
) -> None:
    """Bit-true fixed-point neural networks: golden model, fixed model and RTL side by side."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, and leave with its exit code."""
    with warnings_as_lines():
        try:
            app(args=arguments, prog_name="bittrue")
        except ToolMissing as error:
            say(f"bittrue: {error}")
            sys.exit(3)
        except BittrueError as error:
            say(f"bittrue: {error}")
            sys.exit(2)
