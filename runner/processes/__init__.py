"""Every other program that runner starts is started here: git, pip, ps, and the process that renders.

A project may be a stranger's, so none of it is found in the current folder or in the project: a program is an absolute
path, the working folder is one that no project lies in, and the environment is handed over piece by piece.
"""
