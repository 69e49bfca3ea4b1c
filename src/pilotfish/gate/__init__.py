"""Intent → Approved | Refused(reason). Pure. The only place where approvals are made."""
