"""Executors of tasks: ``local`` has this process and its worker processes, ``cluster`` a running Dask cluster."""
