"""Start other programs: git, pip, ps, and the process that renders templates. No other package starts any.

A project may come from a stranger, so no program is looked up in the current folder or in the project: a program is
given by its absolute path, the working folder lies outside every project, and the environment is passed variable by
variable.
"""
