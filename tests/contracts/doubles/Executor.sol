// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {IBook, Instruction} from "src/types/Instruction.sol";

/// A book whose own work is as little as can be; it refuses, or burns its gas, when it is told to.
contract PlainBook is IBook {
    error TooDear(uint256 limit);

    address public immutable lead;
    uint256 public immutable mode; // 0 takes, 1 refuses, 2 burns all gas, 3 calls the executor again

    constructor(address lead_, uint256 mode_) {
        (lead, mode) = (lead_, mode_);
    }

    function mirror(Instruction calldata instruction, bytes calldata route)
        external
        returns (uint256 amountIn, uint256 amountOut)
    {
        if (mode == 1) revert TooDear(instruction.limit);
        if (mode == 2) {
            while (true) {}
        }
        if (mode == 3) {
            (bool done, bytes memory reason) = msg.sender.call(route);
            if (!done) {
                assembly {
                    revert(add(reason, 32), mload(reason))
                }
            }
        }
        return (instruction.fraction, route.length);
    }
}

/// A lead that is a contract: its owner's signature is its own.
contract PlainWallet is IERC1271 {
    address private immutable owner;

    constructor(address owner_) {
        owner = owner_;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (address signer, ECDSA.RecoverError failed,) = ECDSA.tryRecoverCalldata(hash, signature);
        return
            failed == ECDSA.RecoverError.NoError && signer == owner ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// A token that keeps a hundredth of every transfer.
contract TollToken is ERC20("Toll", "TOLL") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (from != address(0) && to != address(0)) super._update(to, address(1), amount / 100);
    }
}
