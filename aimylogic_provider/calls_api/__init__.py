"""The Calls API as plain values: what is asked, what is answered, and what an answer means.

Nothing here knows of Airflow, and only ``transport`` touches a socket. Import the modules themselves:
``call`` (what may be sent), ``endpoints`` (requests and the parsers of their answers), ``answers`` (what is
known after an answer, and whether another try can help), ``client`` (the two put together over a transport).
"""
