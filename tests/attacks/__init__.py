"""What others may try through runner, each by the command line or by what it calls, and what has to come of it.

One file (or several, with the same beginning) for each way in:

    test_folder_*.py     a folder of a stranger: files, configuration, links, a repository inside a repository
    test_pack_*.py       a pack: its prompts, its source, its archive, its copy, its lock
    test_answer_*.py     what a model or a server answers, and what a terminal or a log makes of it
    test_row_*.py        rows of data and values of variables
    test_template_*.py   templates, in process and in the process that renders

A test here plants something that would leave a trace if it worked (a file, a request, a line), does what a person would
do, and looks for the trace. What is promised, and what is not, stands in SECURITY.md.
"""
