"""The account pages: what a person sees and changes of their own account. `visit` is the shell that all of them share.

A page is a module: it declares its endpoint, is listed in `pages`, and in `navigation` if people go there by the
menu, and answers through `visit`, which knows who is signed in. A section of the page of sign-in methods is listed in
`sign_in_methods.SECTIONS`, a line of "what needs your attention" in `home.ATTENTION`.
"""
