"""The CRM API: contacts, each with an owner and a team.

Layers, each imports only what stands below it:
    cli, app        composition: settings, storage and endpoints meet here alone
    endpoints       HTTP            storage     SQL          (neither sees the other)
    contacts        what a contact is and what may be done with it
    settings
"""
