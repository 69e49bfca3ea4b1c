// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {ISwapVenue} from "src/types/ISwapVenue.sol";
import {IExecutor, Instruction} from "src/types/Instruction.sol";

/// @dev The lead's own signature over the ABI of the instruction.
contract PlainExecutor is IExecutor {
    function digestOf(Instruction calldata instruction) public view returns (bytes32) {
        return keccak256(abi.encode(block.chainid, this, instruction));
    }

    function check(Instruction calldata instruction, bytes calldata signature) external view returns (bytes32 digest) {
        if (instruction.deadline < block.timestamp) revert Expired(instruction.deadline);
        digest = digestOf(instruction);
        if (ECDSA.recoverCalldata(digest, signature) != instruction.lead) revert NotTheLead(instruction.lead);
    }
}

interface IMint {
    function mint(address to, uint256 amount) external;
}

/// @dev Trades any amount at the price that the test sets (tokenOut per tokenIn, times 1e36), out of thin air.
contract SetVenue is ISwapVenue {
    mapping(address tokenIn => mapping(address tokenOut => uint256)) public prices;

    function set(address tokenIn, address tokenOut, uint256 price) external {
        prices[tokenIn][tokenOut] = price;
    }

    uint256 public left;

    /// @dev Take so much less than all.
    function keepBack(uint256 amount) external {
        left = amount;
    }

    function swap(address tokenIn, address tokenOut, uint256 amountIn, uint256, address recipient, bytes calldata)
        external
        returns (uint256 amountOut)
    {
        amountIn -= left;
        IERC20(tokenIn).transferFrom(msg.sender, address(this), amountIn);
        amountOut = amountIn * prices[tokenIn][tokenOut] / 1e36;
        IMint(tokenOut).mint(recipient, amountOut);
    }
}

/// @dev A token that treats some holders badly.
contract MoodyToken is ERC20 {
    enum Mood {
        Well,
        Reverts,
        SaysNo,
        BurnsGas,
        SaysNothing,
        Revokes
    }

    mapping(address holder => Mood) public moods;
    address public desk;
    address public lead;

    constructor() ERC20("Moody", "MOOD") {}

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function set(address holder, Mood mood) external {
        moods[holder] = mood;
    }

    /// @dev Calls into `target` whenever a holder in the mood `Revokes` moves it.
    function hook(address target, address lead_) external {
        (desk, lead) = (target, lead_);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        Mood mood = moods[msg.sender] == Mood.Well ? moods[to] : moods[msg.sender];
        if (mood == Mood.Reverts) revert("moody");
        if (mood == Mood.SaysNo) return false;
        if (mood == Mood.BurnsGas) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (mood == Mood.Revokes) IDesk(desk).revoke(lead);
        super.transfer(to, amount);
        if (mood == Mood.SaysNothing) {
            assembly {
                return(0, 0)
            }
        }
        return true;
    }
}

interface IDesk {
    function revoke(address lead) external;
}

/// @dev A follower that is a contract: signs as its key does, or misbehaves.
contract SignsFor is IERC1271 {
    enum Mood {
        Well,
        BurnsGas,
        SaysTooMuch,
        SaysTooLittle
    }

    address private immutable KEY;
    Mood private immutable MOOD;

    constructor(address key, Mood mood) {
        (KEY, MOOD) = (key, mood);
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (MOOD == Mood.BurnsGas) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (MOOD == Mood.SaysTooMuch) {
            assembly {
                return(0, 60000)
            }
        }
        if (MOOD == Mood.SaysTooLittle) {
            assembly {
                mstore(0, shl(224, 0x1626ba7e))
                return(0, 4)
            }
        }
        (address signer,,) = ECDSA.tryRecoverCalldata(digest, signature);
        return signer == KEY ? IERC1271.isValidSignature.selector : bytes4(0);
    }

    function call(address target, bytes calldata data) external returns (bytes memory answer) {
        bool done;
        (done, answer) = target.call(data);
        require(done);
    }
}

/// @dev Coins for many in one transaction.
contract Scatter {
    function mint(IMint token, address[] calldata to, uint256 amount) external {
        for (uint256 i; i < to.length; ++i) {
            token.mint(to[i], amount);
        }
    }
}
