// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC2309} from "@openzeppelin/contracts/interfaces/IERC2309.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Metadata.sol";
import {Base64} from "@openzeppelin/contracts/utils/Base64.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";

/// @title IERC5192: tokens that are bound to their holder
interface IERC5192 {
    event Locked(uint256 tokenId);
    event Unlocked(uint256 tokenId);

    function locked(uint256 tokenId) external view returns (bool);
}

/// @title VolumeBadge: one for each 100 USDT of a holder's volume, bound to it for ever
/// @notice Badges are issued in runs of consecutive ids, so that one credit of any volume costs the same: a run is two slots, and who
/// holds an id is found by halving the runs. A badge's metadata is the hash chain of all its holder's fills up to its issue.
/// @dev As ERC-721 except in four points. A run of several is told by one `ConsecutiveTransfer` (ERC-2309) instead of a `Transfer`
/// each, and then without `Locked`, which ERC-5192 only recommends; a run of one is told by `Transfer` and `Locked`. A holder that is
/// a contract is not asked (there is nothing that it could do with a badge but hold it). Whatever would move or lend one reverts.
contract VolumeBadge is IERC721, IERC721Metadata, IERC2309, IERC5192, Ownable2Step {
    /// @param last id of the run's last badge; it begins after the run before
    /// @param trail the holder's chain of fills when it was issued
    struct Run {
        address holder;
        uint96 last;
        bytes32 trail;
    }

    /// @param volume all that was ever credited, 1e-6 USDT: the badges are its whole hundreds
    /// @param trail chain of all credits
    struct Record {
        uint256 volume;
        bytes32 trail;
    }

    /// @notice Volume of one badge, 1e-6 USDT.
    uint256 public constant UNIT = 100e6;

    string public constant name = "Pilotfish Volume";
    string public constant symbol = "PFV";

    mapping(address holder => Record) public records;
    mapping(address recorder => bool) public isRecorder;
    Run[] private _runs;

    event RecorderSet(address indexed recorder, bool listed);
    /// @notice All of a credit; with these alone a holder's chain can be recomputed from its beginning.
    event Credited(address indexed holder, bytes32 indexed fillsHash, bytes32 before, uint256 volume);

    error NotARecorder(address caller);
    error NoHolder();
    /// @notice No volume, or no fills that it comes from.
    error NoFills();
    /// @notice The holder's chain is not where the recorder thought: another credit got in, or this one is there already.
    error TrailMoved(bytes32 actual);
    error NoSuchBadge(uint256 id);
    /// @notice A badge stays with its holder.
    error SoulBound();

    constructor(address owner) Ownable(owner) {}

    /// @notice List a recorder, or strike it off.
    function setRecorder(address recorder, bool listed) external onlyOwner {
        isRecorder[recorder] = listed;
        emit RecorderSet(recorder, listed);
    }

    /// @notice Count `volume` for `holder` and issue what it completes; what remains below a hundred is kept for the next credit.
    /// @param before the chain this credit follows (zero for the first): makes a doubled submission fail, so a retry is safe
    /// @param volume 1e-6 USDT
    /// @param fillsHash of the fills that it comes from
    /// @return issued how many badges
    function credit(address holder, bytes32 before, uint256 volume, bytes32 fillsHash)
        external
        returns (uint256 issued)
    {
        if (!isRecorder[msg.sender]) revert NotARecorder(msg.sender);
        if (holder == address(0)) revert NoHolder();
        if (volume == 0 || fillsHash == 0) revert NoFills();
        Record storage record = records[holder];
        if (record.trail != before) revert TrailMoved(record.trail);
        bytes32 trail = next(before, volume, fillsHash);
        uint256 old = record.volume;
        issued = (old + volume) / UNIT - old / UNIT;
        (record.volume, record.trail) = (old + volume, trail);
        emit Credited(holder, fillsHash, before, volume);
        if (issued > 0) _issue(holder, issued, trail);
    }

    /// @notice The link that a credit makes of the link before it.
    function next(bytes32 before, uint256 volume, bytes32 fillsHash) public pure returns (bytes32) {
        return keccak256(abi.encode(before, volume, fillsHash));
    }

    /// @notice Badges there are; their ids are 1 to this.
    function totalSupply() public view returns (uint256) {
        uint256 runs = _runs.length;
        return runs == 0 ? 0 : _runs[runs - 1].last;
    }

    function balanceOf(address holder) external view returns (uint256) {
        if (holder == address(0)) revert NoHolder();
        return records[holder].volume / UNIT;
    }

    function ownerOf(uint256 id) external view returns (address) {
        return _runs[_runOf(id)].holder;
    }

    /// @notice The run that a badge was issued in.
    function runOf(uint256 id) public view returns (address holder, uint256 first, uint256 last, bytes32 trail) {
        uint256 place = _runOf(id);
        Run storage run = _runs[place];
        return (run.holder, place == 0 ? 1 : uint256(_runs[place - 1].last) + 1, run.last, run.trail);
    }

    /// @notice Metadata in the address itself: the holder's chain of fills, and the run of ids that it stands for.
    function tokenURI(uint256 id) external view returns (string memory) {
        (address holder, uint256 first, uint256 last, bytes32 trail) = runOf(id);
        bytes memory json = abi.encodePacked(
            '{"name":"Pilotfish Volume ',
            Strings.toString(id),
            '","description":"100 USDT of settled volume, bound to its holder.","holder":"',
            Strings.toHexString(holder),
            '","fills":"',
            Strings.toHexString(uint256(trail), 32),
            '","first":',
            Strings.toString(first),
            ',"last":',
            Strings.toString(last),
            "}"
        );
        return string.concat("data:application/json;base64,", Base64.encode(json));
    }

    /// @notice Always: reverts only where there is no such badge.
    function locked(uint256 id) external view returns (bool) {
        _runOf(id);
        return true;
    }

    function getApproved(uint256 id) external view returns (address) {
        _runOf(id);
        return address(0);
    }

    function isApprovedForAll(address, address) external pure returns (bool) {
        return false;
    }

    function approve(address, uint256) external pure {
        revert SoulBound();
    }

    function setApprovalForAll(address, bool) external pure {
        revert SoulBound();
    }

    function transferFrom(address, address, uint256) external pure {
        revert SoulBound();
    }

    function safeTransferFrom(address, address, uint256) external pure {
        revert SoulBound();
    }

    function safeTransferFrom(address, address, uint256, bytes calldata) external pure {
        revert SoulBound();
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == type(IERC165).interfaceId || id == type(IERC721).interfaceId
            || id == type(IERC721Metadata).interfaceId || id == type(IERC5192).interfaceId;
    }

    function _issue(address holder, uint256 count, bytes32 trail) private {
        uint256 first = totalSupply() + 1;
        uint96 last = SafeCast.toUint96(first + count - 1);
        _runs.push(Run(holder, last, trail));
        if (count == 1) {
            emit Transfer(address(0), holder, first);
            emit Locked(first);
        } else {
            emit ConsecutiveTransfer(first, last, address(0), holder);
        }
    }

    /// @dev Place of the first run that ends at `id` or after.
    function _runOf(uint256 id) private view returns (uint256 low) {
        if (id == 0 || id > totalSupply()) revert NoSuchBadge(id);
        uint256 high = _runs.length - 1;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (_runs[middle].last < id) low = middle + 1;
            else high = middle;
        }
    }
}
