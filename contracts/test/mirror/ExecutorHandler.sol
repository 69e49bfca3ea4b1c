// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LocalToken} from "src/local/LocalToken.sol";
import {IBook, Instruction} from "src/types/Instruction.sol";
import {MirrorExecutor} from "src/mirror/MirrorExecutor.sol";
import {Ghost} from "test/support/Ghost.sol";
import {vm} from "test/support/Vm.sol";

/// @dev A book that writes down what it was told to do, and refuses now and then.
contract Diary is IBook {
    address public immutable lead;
    address public immutable executor;
    mapping(bytes32 => uint256) public times;
    bool public refusing;

    error NotNow();
    error OnlyExecutor();

    constructor(address lead_, address executor_) {
        (lead, executor) = (lead_, executor_);
    }

    function refuse(bool refusing_) external {
        refusing = refusing_;
    }

    function mirror(Instruction calldata instruction, bytes calldata) external returns (uint256, uint256) {
        if (msg.sender != executor) revert OnlyExecutor();
        if (refusing) revert NotNow();
        ++times[keccak256(abi.encode(instruction.lead, instruction.nonce))];
        return (1, 1);
    }
}

/// @title Leads, agents and strangers at the executor, beside a record of what each may do
contract ExecutorHandler is Ghost {
    MirrorExecutor private immutable executor;
    LocalToken private immutable asset;
    uint256[4] private keys = [uint256(11), 22, 33, 44]; // two leads, two who may become agents
    Diary[2] public books;

    mapping(address lead => mapping(address agent => uint256)) private until;
    mapping(address lead => mapping(uint256 nonce => bool)) public spent;
    mapping(address lead => uint256[]) private used;
    bytes32[] private commitments;
    mapping(bytes32 => Instruction) private committed;
    mapping(bytes32 => address) private payer;
    mapping(bytes32 => uint256) private since;
    mapping(bytes32 => bool) private done;
    uint256 public bonds;
    uint256 public forfeited;

    constructor(MirrorExecutor executor_) {
        executor = executor_;
        asset = LocalToken(address(executor_.bondAsset()));
        for (uint256 i; i < 2; ++i) {
            books[i] = new Diary(vm.addr(keys[i]), address(executor));
        }
        for (uint256 i; i < 4; ++i) {
            asset.mint(vm.addr(keys[i]), type(uint96).max);
            vm.prank(vm.addr(keys[i]));
            asset.approve(address(executor), type(uint256).max);
        }
    }

    /// @dev 48 numbers, some in one word, some in others.
    function nonceOf(uint256 seed) private pure returns (uint256) {
        return (seed % 8) * 255 + (seed >> 8) % 6;
    }

    function order(uint256 seed) private view returns (Instruction memory) {
        uint256 lead = seed % 2;
        address book = address(books[(seed >> 1) % 8 == 0 ? 1 - lead : lead]);
        uint256 deadline = (seed >> 4) % 8 == 0 ? vm.getBlockTimestamp() - 1 : vm.getBlockTimestamp() + (seed >> 4) % 900;
        return Instruction(vm.addr(keys[lead]), book, address(1), address(2), 1e18, 0, deadline, nonceOf(seed >> 16));
    }

    function speaks(address who, address lead) private view returns (bool) {
        return who == lead || until[lead][who] >= vm.getBlockTimestamp();
    }

    function direct(address lead, address book) private view returns (bool) {
        return executor.revealOnlyUntil(lead, book) < vm.getBlockTimestamp();
    }

    function mirror(uint256 seed, uint256 signer, uint256 harm) external {
        Instruction memory it = order(seed);
        bool tamper = harm % 8 == 0;
        signer = signer % 2 == 0 ? seed % 2 : (signer >> 8) % 4; // often the lead itself
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keys[signer], executor.digestOf(it));
        if (tamper) it.fraction -= 1;
        bool may = !tamper && speaks(vm.addr(keys[signer]), it.lead) && it.deadline >= vm.getBlockTimestamp()
            && !spent[it.lead][it.nonce] && IBook(it.book).lead() == it.lead && !Diary(it.book).refusing()
            && direct(it.lead, it.book);
        try executor.mirror(it, abi.encodePacked(r, s, v), "") {
            hold(may, "carried out what nobody who may had ordered");
            use(it.lead, it.nonce);
        } catch {
            refused(!may, "refused what may be carried out");
        }
    }

    function use(address lead, uint256 nonce) private {
        spent[lead][nonce] = true;
        used[lead].push(nonce);
    }

    function appoint(uint256 lead, uint256 agent, uint256 for_, bool end) external {
        (address from, address to) = (vm.addr(keys[pick(lead, 0, 1)]), vm.addr(keys[pick(agent, 2, 3)]));
        until[from][to] = end ? 0 : vm.getBlockTimestamp() + pick(for_, 0, 2000);
        vm.prank(from);
        if (end) executor.revokeAgent(to);
        else executor.approveAgent(to, uint64(until[from][to]));
    }

    function invalidate(uint256 lead, uint256 seed) external {
        address from = vm.addr(keys[pick(lead, 0, 1)]);
        uint256 nonce = nonceOf(seed);
        (uint256 word, uint256 bit) = executor.placeOf(nonce);
        vm.prank(from);
        executor.invalidate(word, bit);
        spent[from][nonce] = true;
    }

    function commit(uint256 seed, uint256 who) external {
        Instruction memory it = order(seed);
        address from = vm.addr(keys[pick(who, 0, 3)]);
        bytes32 commitment = executor.commitmentOf(it, bytes32(seed % 4), "");
        uint96 bond = executor.bond();
        bool may = speaks(from, IBook(it.book).lead()) && since[commitment] == 0 && IBook(it.book).lead() == it.lead;
        vm.prank(from);
        try executor.commit(it.book, commitment) {
            if (IBook(it.book).lead() != it.lead) return strand(it, commitment, bond);
            hold(may, "a commitment by nobody, or twice");
            commitments.push(commitment);
            (committed[commitment], payer[commitment], since[commitment]) = (it, from, vm.getBlockTimestamp());
            bonds += bond;
        } catch {
            refused(!may, "refused a commitment");
        }
    }

    /// @dev Of one lead's book for another lead's order: it can only be lost.
    function strand(Instruction memory it, bytes32 commitment, uint96 bond) private {
        (,, bool spent_,,) = executor.commitments(it.lead, commitment);
        hold(!spent_, "a stray commitment counts");
        bonds += bond;
    }

    function reveal(uint256 which, uint256 who) external {
        if (commitments.length == 0) revert Refused();
        which = pick(which, 0, commitments.length - 1);
        bytes32 commitment = commitments[which];
        Instruction memory it = committed[commitment];
        address from = vm.addr(keys[pick(who, 0, 3)]);
        uint256 waited = vm.getBlockTimestamp() - since[commitment];
        bool may = speaks(from, it.lead) && it.deadline >= vm.getBlockTimestamp() && !spent[it.lead][it.nonce] && waited >= 120
            && waited <= 720 && !done[commitment];
        uint256 before = asset.balanceOf(payer[commitment]);
        uint256 bond = bondOf(it.lead, commitment);
        for (uint256 salt; salt < 4; ++salt) {
            if (executor.commitmentOf(it, bytes32(salt), "") != commitment) continue;
            vm.prank(from);
            try executor.reveal(it, bytes32(salt), "") returns (bool settled) {
                hold(may, "revealed too early, too late, by a stranger or twice");
                hold(settled != Diary(it.book).refusing(), "what was told is not what came of it");
                hold(asset.balanceOf(payer[commitment]) == before + bond, "the bond went elsewhere");
                if (settled) used[it.lead].push(it.nonce);
                spent[it.lead][it.nonce] = true;
                gone(commitment, bond);
            } catch {
                refused(!may, "refused a reveal");
            }
        }
    }

    function forfeit(uint256 which) external {
        if (commitments.length == 0) revert Refused();
        which = pick(which, 0, commitments.length - 1);
        bytes32 commitment = commitments[which];
        address lead = committed[commitment].lead;
        uint256 bond = bondOf(lead, commitment);
        bool may = vm.getBlockTimestamp() - since[commitment] > 720 && !done[commitment];
        try executor.forfeit(lead, commitment) {
            hold(may, "a bond was taken while it could be revealed");
            forfeited += bond;
            gone(commitment, bond);
        } catch {
            refused(!may, "an overdue bond was not taken");
        }
    }

    function bondOf(address lead, bytes32 commitment) private view returns (uint256 bond) {
        (,,,, bond) = executor.commitments(lead, commitment);
    }

    function gone(bytes32 commitment, uint256 bond) private {
        bonds -= bond;
        done[commitment] = true;
    }

    function setRevealOnly(uint256 lead, uint256 seed) external {
        lead = pick(lead, 0, 1);
        bool on = seed % 4 == 0;
        vm.prank(vm.addr(keys[lead]));
        executor.setRevealOnly(address(books[lead]), on);
    }

    function refuse(uint256 book, uint256 seed) external {
        books[pick(book, 0, 1)].refuse(seed % 4 == 0);
    }

    function wait_(uint256 seconds_) external {
        vm.warp(vm.getBlockTimestamp() + pick(seconds_, 1, 400));
    }

    function usedTwice() external view returns (bool) {
        for (uint256 i; i < 2; ++i) {
            address lead = vm.addr(keys[i]);
            for (uint256 n; n < used[lead].length; ++n) {
                if (times(lead, used[lead][n]) != 1) return true;
            }
        }
        return false;
    }

    function times(address lead, uint256 nonce) private view returns (uint256) {
        bytes32 what = keccak256(abi.encode(lead, nonce));
        return books[0].times(what) + books[1].times(what);
    }
}
