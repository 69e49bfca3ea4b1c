// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {LocalFeed} from "src/local/LocalFeed.sol";
import {LocalToken} from "src/local/LocalToken.sol";
import {vm} from "./Vm.sol";

interface IFactory {
    function createPool(address one, address other, uint24 fee) external returns (address);
}

interface IPool {
    function initialize(uint160 root) external;
    function increaseObservationCardinalityNext(uint16 next) external;
    function mint(address to, int24 low, int24 high, uint128 amount, bytes calldata data) external;
    function swap(address to, bool down, int256 amount, uint160 limit, bytes calldata data)
        external
        returns (int256, int256);
    function token0() external view returns (address);
    function slot0() external view returns (uint160 root, int24, uint16, uint16, uint16, uint8, bool);
}

/// @title Market: Uniswap's own v3 pool between two local tokens, a feed, and whoever trades there with money that is no object
/// @dev One WETH is 3,000 USDC at first. The pool is deep: 30 million USDC on its side, over the whole range.
contract Market {
    string private constant CORE = "node_modules/@uniswap/v3-core/artifacts/contracts/";
    uint24 public constant FEE = 3000;
    uint160 private constant ROOT_MIN = 4295128740;
    uint160 private constant ROOT_MAX = 1461446703485210103287273052203988822378723970341;

    LocalToken public immutable usdc = new LocalToken("USD Coin", "USDC", 6);
    LocalToken public immutable weth = new LocalToken("Wrapped Ether", "WETH", 18);
    LocalFeed public immutable feed = new LocalFeed(8, 3000e8);
    address public immutable factory;
    IPool public immutable pool;
    bool private immutable usdcFirst;

    constructor() {
        factory = _create(string.concat(CORE, "UniswapV3Factory.sol/UniswapV3Factory.json"));
        pool = IPool(IFactory(factory).createPool(address(usdc), address(weth), FEE));
        usdcFirst = address(usdc) < address(weth);
        // The square root of the price times 2^96; token1 per token0 is 1e12/3000 where USDC is first, else 3000/1e12.
        pool.initialize(usdcFirst ? 1446501726624926496477173928747177 : 4339505179874779489431521);
        pool.increaseObservationCardinalityNext(64);
    }

    /// @notice Put the liquidity in; once. A constructor cannot: the pool calls back.
    function fill() external {
        pool.mint(address(this), -887220, 887220, 547722557505166113, "");
    }

    function uniswapV3MintCallback(uint256 owed0, uint256 owed1, bytes calldata) external {
        _pay(owed0, owed1);
    }

    function uniswapV3SwapCallback(int256 owed0, int256 owed1, bytes calldata) external {
        _pay(owed0 > 0 ? uint256(owed0) : 0, owed1 > 0 ? uint256(owed1) : 0);
    }

    function _pay(uint256 owed0, uint256 owed1) private {
        (uint256 owedUsdc, uint256 owedWeth) = usdcFirst ? (owed0, owed1) : (owed1, owed0);
        if (owedUsdc != 0) usdc.mint(msg.sender, owedUsdc);
        if (owedWeth != 0) weth.mint(msg.sender, owedWeth);
    }

    /// @notice Buy WETH with `amount` USDC, or sell `amount` WETH.
    function trade(bool buy, uint256 amount) public {
        bool down = buy == usdcFirst;
        pool.swap(address(this), down, int256(amount), down ? ROOT_MIN : ROOT_MAX, "");
    }

    /// @notice Trade until one WETH costs `price`, in USDC base units per whole WETH; whatever that takes.
    function moveTo(uint256 price) public {
        // root = sqrt(token1/token0) * 2^96: for USDC first it is sqrt(1e18 / price) * 2^96.
        uint160 root = uint160(usdcFirst ? Math.sqrt((uint256(1e18) << 192) / price) : Math.sqrt((price << 192) / 1e18));
        (uint160 now_,,,,,,) = pool.slot0();
        if (root != now_) pool.swap(address(this), root < now_, type(int128).max, root, "");
    }

    /// @notice Set the oracle's answer, USDC base units per whole WETH.
    function tell(uint256 price) public {
        feed.set(int256(price * 100), vm.getBlockTimestamp());
    }

    /// @notice Pool, its average and the oracle all at `price` after an hour.
    function settleAt(uint256 price) external {
        moveTo(price);
        vm.warp(vm.getBlockTimestamp() + 1 hours);
        tell(price);
    }

    /// @notice Price of a whole WETH in the pool, USDC base units.
    function spot() external view returns (uint256) {
        (uint160 root,,,,,,) = pool.slot0();
        uint256 r = uint256(root) >> 32; // 64 fractional bits are plenty
        return usdcFirst ? (1e18 << 128) / (r * r) : (r * r * 1e18) >> 128;
    }

    function _code(string memory path) private view returns (bytes memory) {
        return vm.parseJsonBytes(vm.readFile(path), ".bytecode");
    }

    function _create(string memory path) private returns (address made) {
        bytes memory code = _code(path);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        require(made != address(0), path);
    }
}
