"""Jinja in a process of its own, with limits of memory and time, for templates that nobody has reviewed.

It protects the machine, not the conversation: what such a template makes is still sent to the model.
"""
