"""What every backend promises (`backends.protocol`), as a pytest suite that ships: a test module of a third party's is

    from flows.conformance import EstimateSuite
    from mine import BACKEND

    class TestMine(EstimateSuite):
        backend = BACKEND

`EstimateSuite` is for backends that estimate and build nothing, `BuildSuite` for those whose plan makes an artefact.
"""

from flows.conformance.builds import BuildSuite as BuildSuite
from flows.conformance.estimates import EstimateSuite as EstimateSuite
