"""`runner completion`: print the script that completes commands, prompts, cases and endpoints in a shell."""

from __future__ import annotations

import click

__all__ = ["command"]

_ZSH_REGISTERS = "    compdef _runner_completion runner\n"
_ZSH_STARTS = "    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }\n"
"""A .zshrc that does not set up zsh's completion has no `compdef`. `-i`: no question about folders of other owners."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> int:
    """Print the completion script for a shell.

    It completes commands, options, prompt names, case ids and endpoints. To install it:

    \b
      runner completion bash >> ~/.bashrc
      runner completion zsh >> ~/.zshrc
      mkdir -p ~/.config/fish/completions
      runner completion fish > ~/.config/fish/completions/runner.fish
    """
    from click.shell_completion import ShellComplete, get_completion_class

    from ..report.terminal.outlet import print_data

    kind = get_completion_class(shell)
    assert kind is not None, "click knows these shells"
    # Not `kind.source`: for bash, it starts a bash to ask for its version.
    source = ShellComplete.source(kind(ctx.find_root().command, {}, "runner", "_RUNNER_COMPLETE"))
    if shell == "zsh":
        assert _ZSH_REGISTERS in source, "click registers the function for an eval"
        source = source.replace(_ZSH_REGISTERS, _ZSH_STARTS + _ZSH_REGISTERS)
    print_data(source.rstrip("\n"), json=False)
    return 0
