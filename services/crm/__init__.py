"""The CRM API: companies, contacts and activities, each with an owner and a team.

Layers, each imports only what stands below it:
    cli, app        composition: settings, storage and endpoints meet here alone
    endpoints       HTTP            storage     SQL          (neither sees the other)
    contact_csv     contacts as files; csv_form: as people's programs write them
    contacts companies activities   what each of them says
    records         what all of them are, and what may be done with one
    search_text     words and sort keys, folded
    settings
"""
