"""What may be sent of a call: its payload, time zone and policy, validated, in canonical form. Phones: ``phones``."""
