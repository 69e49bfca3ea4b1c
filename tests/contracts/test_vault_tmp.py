from tests.contracts.vault_system import system
from tests.contracts.executor_scene import gas_at_most
from tests.contracts.vault_world import *
def test_x(web3):
    s=system(web3)
    w=s.world
    w.deposit(w.ann, 90_000*USDC)
    for b,f in ((True,.1),(True,.1),(False,.1),(True,.1),(False,.2)):
        print(b, gas_at_most(web3,s.mirror(b,f)))
