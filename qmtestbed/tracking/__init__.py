"""The parent's room for MLflow: what is read from a tracking server and its registry, and what is written back.

Nothing here is imported before a command needs MLflow: importing it takes a second. Values that leave this room are
frozen values of ours, and every error is one of ours.
"""
