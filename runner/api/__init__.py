"""The Python interface to prompts: the same files and the same processing as on the command line.

    prompt = runner.load("prompts/triage.prompt.yaml")
    result = prompt.run(ticket="I want my money back")
    result.output["category"]

Nothing is written to disk here, unless a journal is named: a program stores its own results.
"""
