"""Plugins that Airflow loads by their entry points: the pages in its UI. Light, for every process of it loads them."""
