package dev.outboard.driver.net;

/**
 * What an interface has counted since its driver started.
 *
 * @param receivedFrames good frames that came
 * @param receivedBytes their bytes, with what the device counts to a frame
 * @param sentFrames frames that left
 * @param sentBytes their bytes
 * @param missedFrames frames that found no buffer
 * @param damagedFrames frames that came damaged
 */
public record NetworkStatistics(
        long receivedFrames,
        long receivedBytes,
        long sentFrames,
        long sentBytes,
        long missedFrames,
        long damagedFrames) {}
