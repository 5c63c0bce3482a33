"""Do edits do what was asked, and only that? Labels of pictures, metrics, and reports."""
