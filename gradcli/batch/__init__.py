"""Many points: a table goes in, the same table with values and gradients beside it comes out.

source.py cuts bytes into chunks of whole lines; delimited.py and jsonl.py read them into blocks of rows and write
blocks out again, parquet.py does both through polars; binding.py says which column gives which input; kernel.py
computes, a mapping of arrays to a mapping of arrays, with the functions of elementary.py and libm.py in the order of
steps.py, through blocks.py, or in C by native.py, and numbers.py feeds it; arrays.py computes rows whose cells are
arrays, each as a point of its own; report.py names what went wrong; stream.py runs one block after the other. All of
them know one block only, so that memory does not grow with the table. work.py puts them together for one table, with
the reader that formats.py finds; parts.py does so for each part of a folder, in this process or through dask.py.
"""
