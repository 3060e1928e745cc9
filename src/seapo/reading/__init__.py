"""Files of rows, of whatever kind, and the conversations in them; what `source` and `train` read data with.

find_place (places)  ->  file_kind, read_rows (files)  ->  rows, each with its line, or a reason why it cannot be read
"""
