// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {BPS} from "../types/Wad.sol";
import {Mandate} from "./Mandate.sol";
import {Account, Limits, Rule} from "./Rule.sol";
import {Signatures} from "./Signatures.sol";
import {Wallets} from "./Wallets.sol";

/// @title Mandates: what each follower allows, told once by a signature and taken back at once
/// @notice Anybody may bring a signed mandate. A later one replaces an earlier one; a revocation burns all that were issued until it.
/// Nobody but the follower can make, widen or end one.
abstract contract Mandates is EIP712, ReentrancyGuardTransient, Wallets {
    using SafeERC20 for IERC20;

    /// @notice Why a mandate is not taken.
    enum Refusal {
        None,
        Expired, // its expiry has come
        NotYet, // issued in the future
        Superseded, // a mandate or a revocation as late as it is known
        TokenNotListed, // no token, or one that the desk does not list
        Limits, // an amount of nothing or more than the desk can keep, a slippage above 10%, a stop at 100% or more
        Fee, // the desk's performance fee is higher than the follower agrees to
        Signature // not the follower's
    }

    /// @dev No order needs more, and whoever allows more invites it.
    uint256 private constant SLIPPAGE_BPS_MAX = 1_000;
    bytes32 private constant REVOCATION = keccak256("Revocation(address follower,address lead,uint32 issued)");

    /// @notice What everything is counted in.
    IERC20 public immutable ASSET;
    /// @notice Base units of the asset in one grain, the unit of the kept limits: 10^(decimals - 6), at least 1.
    uint256 public immutable GRAIN;
    /// @notice Performance fee on realised gains, in bps; fixed for good, so no mandate meets another.
    uint256 public immutable FEE_BPS;

    /// @notice By lead and wallet: what is allowed, and what became of it.
    mapping(address lead => mapping(address wallet => Rule)) internal rules;
    /// @notice Place of each listed token, counted from one; zero: not listed.
    mapping(address token => uint256) public place;

    event Followed(
        address indexed follower, address indexed lead, address wallet, bytes32 digest, Mandate mandate
    );
    event NotFollowed(address indexed follower, address indexed lead, bytes32 digest, Refusal why);
    event Revoked(address indexed follower, address indexed lead, address wallet, uint32 issued);
    event Funded(address indexed wallet, uint256 amount);

    error Refused(Refusal why);

    /// @notice Take a mandate. Reverts with `Refused` where it is not taken.
    function follow(Mandate calldata mandate, bytes calldata signature) external nonReentrant {
        _mustFollow(mandate, signature);
    }

    /// @notice Take mandates; each that cannot be taken is told (`NotFollowed`) and skipped.
    function followMany(Mandate[] calldata mandates, bytes[] calldata signatures) external nonReentrant {
        for (uint256 i; i < mandates.length; ++i) {
            (Refusal why, bytes32 digest) = _follow(mandates[i], signatures[i]);
            if (why != Refusal.None) emit NotFollowed(mandates[i].follower, mandates[i].lead, digest, why);
        }
    }

    /// @notice Take a mandate and fund its wallet in one step, by the follower's permit (ERC-2612) for the desk.
    /// @dev The money can go nowhere but to the signer's own wallet. A permit that somebody else sent ahead has done its work.
    /// @param amount at most the mandate's allocation; base units
    function followAndFund(
        Mandate calldata mandate,
        bytes calldata signature,
        uint256 amount,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant {
        address wallet = _mustFollow(mandate, signature);
        if (amount > mandate.allocation) revert Refused(Refusal.Limits);
        try IERC20Permit(address(ASSET)).permit(mandate.follower, address(this), amount, deadline, v, r, s) {} catch {}
        ASSET.safeTransferFrom(mandate.follower, wallet, amount);
        emit Funded(wallet, amount);
    }

    /// @notice End the caller's mandate for `lead`, at once, and burn every one signed until now.
    function revoke(address lead) external nonReentrant {
        _revoke(msg.sender, lead, uint32(block.timestamp));
    }

    /// @notice The same by the follower's signature (EIP-712 `Revocation`), brought by anybody.
    /// @param issued when it was signed; burns what was issued until then, so an old one cannot end a newer mandate
    function revokeBySignature(address follower, address lead, uint32 issued, bytes calldata signature)
        external
        nonReentrant
    {
        if (issued > block.timestamp) revert Refused(Refusal.NotYet);
        if (issued < rules[lead][walletOf(follower, lead)].limits.issued) revert Refused(Refusal.Superseded);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(REVOCATION, follower, lead, issued)));
        if (!Signatures.signed(follower, digest, signature)) revert Refused(Refusal.Signature);
        _revoke(follower, lead, issued);
    }

    /// @notice What is allowed to the desk in `wallet`, and what became of it (`Account`); amounts in grains.
    function ruleOf(address lead, address wallet)
        external
        view
        returns (
            uint256 expiry,
            uint256 exitSlippageBps,
            uint256 tokenBits,
            uint256 paid,
            uint256 outlay,
            uint256 nonce,
            Limits memory limits
        )
    {
        Account a = rules[lead][wallet].account;
        limits = rules[lead][wallet].limits;
        return (a.expiry(), a.exitSlippageBps(), a.tokens(), a.paid(), a.outlay(), a.nonce(), limits);
    }

    /// @notice What a follower signs.
    function digestOf(Mandate calldata mandate) public view returns (bytes32) {
        return _hashTypedDataV4(mandate.hash());
    }

    function _mustFollow(Mandate calldata mandate, bytes calldata signature) private returns (address wallet) {
        (Refusal why,) = _follow(mandate, signature);
        if (why != Refusal.None) revert Refused(why);
        return walletOf(mandate.follower, mandate.lead);
    }

    function _follow(Mandate calldata m, bytes calldata signature) private returns (Refusal why, bytes32 digest) {
        digest = digestOf(m);
        address wallet = walletOf(m.follower, m.lead);
        Rule storage rule = rules[m.lead][wallet];
        Account a = rule.account;
        uint64 bits;
        (why, bits) = _bits(m.tokens);
        if (m.expiry <= block.timestamp) return (Refusal.Expired, digest);
        if (m.issued > block.timestamp) return (Refusal.NotYet, digest);
        if (m.issued <= rule.limits.issued) return (Refusal.Superseded, digest);
        if (why != Refusal.None) return (why, digest);
        if (!_sane(m)) return (Refusal.Limits, digest);
        if (m.feeBpsMax < FEE_BPS) return (Refusal.Fee, digest);
        if (!Signatures.signed(m.follower, digest, signature)) return (Refusal.Signature, digest);

        // A subscription runs while a mandate lives, and not in between.
        uint256 paid = block.timestamp - a.unpaid(block.timestamp);
        rule.account = a.allowed(m.expiry, m.exitSlippageBps, bits, uint32(paid));
        rule.limits = Limits({
            allocation: uint48(m.allocation / GRAIN),
            orderMax: uint48(Math.min(m.orderMax, m.allocation) / GRAIN),
            leverageBps: uint16(Math.min(m.leverageBps, BPS)),
            ratioBps: m.ratioBps,
            openSlippageBps: m.openSlippageBps,
            stopSlippageBps: m.stopSlippageBps,
            stopBps: m.stopBps,
            issued: m.issued
        });
        emit Followed(m.follower, m.lead, wallet, digest, m);
    }

    function _revoke(address follower, address lead, uint32 issued) private {
        address wallet = walletOf(follower, lead);
        Rule storage rule = rules[lead][wallet];
        (rule.account, rule.limits.issued) = (rule.account.revoked(block.timestamp), issued);
        emit Revoked(follower, lead, wallet, issued);
    }

    function _bits(address[] calldata tokens) private view returns (Refusal why, uint64 bits) {
        if (tokens.length == 0) return (Refusal.TokenNotListed, 0);
        for (uint256 i; i < tokens.length; ++i) {
            uint256 nth = place[tokens[i]];
            if (nth == 0) return (Refusal.TokenNotListed, 0);
            bits |= uint64(1 << (nth - 1));
        }
    }

    function _sane(Mandate calldata m) private view returns (bool) {
        return m.allocation >= GRAIN && m.allocation / GRAIN <= type(uint48).max && m.orderMax >= GRAIN
            && m.leverageBps != 0 && m.ratioBps != 0 && m.openSlippageBps <= SLIPPAGE_BPS_MAX
            && m.exitSlippageBps <= SLIPPAGE_BPS_MAX && m.stopSlippageBps <= SLIPPAGE_BPS_MAX && m.stopBps < BPS;
    }
}
