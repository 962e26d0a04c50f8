"""Run Jinja in a separate process with memory and time limits, for templates that nobody has reviewed.

It protects the machine, not the conversation: the text that such a template produces is still sent to the model.
"""
