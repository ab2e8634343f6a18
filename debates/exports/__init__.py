"""A debate as a file: for programs, for spreadsheets, to read and to print.

Layer: above the selectors and the arrangement of pages (`debates.web.presenters`), below the API.
"""
