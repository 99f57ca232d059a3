"""A campaign, and call jobs that are there already, as a task of Airflow acts on them: adds no call.

``campaign_base`` is what the operators have in common, ``status_control`` brings a campaign to a state,
``job_selection`` says which jobs are meant, ``cancelling_calls`` cancels them. All of it can be done
again without harm.
"""
