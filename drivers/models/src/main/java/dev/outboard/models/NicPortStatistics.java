package dev.outboard.models;

import dev.outboard.dma.AskedStatistics;

/**
 * What a port of the switch has counted since the switch started.
 *
 * @param name the port
 * @param connected whether a driver is connected
 * @param sentFrames frames that the driver sent and the switch took
 * @param sentBytes bytes of them, Ethernet header included
 * @param receivedFrames frames given to the driver
 * @param receivedBytes bytes of them
 * @param droppedNoBuffer frames for this port that found no buffer in time
 * @param droppedTooLong frames for this port that were longer than its next buffer
 * @param droppedNowhere frames that the driver sent to where nobody is, or to itself
 * @param droppedMalformed frames that the driver sent and that are none: too short, too long, or
 *     asking for what was not negotiated
 * @param droppedUnwanted frames for this port that its driver's filter keeps out
 * @param summed frames for this port whose checksum the switch finished
 * @param cut frames for this port that the switch cut into segments
 * @param commands orders of the driver's control queue
 * @param faults accesses to buffers of the driver that were refused; each cost a frame
 * @param waits how often senders waited for this port's driver to supply buffers
 * @param disconnections how many sessions of a driver ended
 * @param lastReason why the last of them ended, or empty
 * @param asked translations that drivers were asked for, where they were
 */
public record NicPortStatistics(
        String name,
        boolean connected,
        long sentFrames,
        long sentBytes,
        long receivedFrames,
        long receivedBytes,
        long droppedNoBuffer,
        long droppedTooLong,
        long droppedNowhere,
        long droppedMalformed,
        long droppedUnwanted,
        long summed,
        long cut,
        long commands,
        long faults,
        long waits,
        long disconnections,
        String lastReason,
        AskedStatistics asked) {}
