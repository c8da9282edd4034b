"""Quality rules of Acme: two AITs, a guideline and a report template."""
