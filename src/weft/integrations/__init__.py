"""What a driver needs beyond the patched stdlib: one file for each.

Named after the distribution on the package index. Nothing has to be called: patching
:mod:`socket`, as ``weft run`` and ``weft.patch.all()`` do, has each applied when its driver is
imported, or at once if it has been. A file's ``patch(module)`` gets the driver's module, as the
table in ``weft.patch._integrations`` names it, and changes it through ``weft.patch._registry``,
so that ``unpatch()`` takes it back. ``weft doctor`` tells of those installed.
"""
