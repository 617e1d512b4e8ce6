package dev.outboard.netty;

/**
 * What an interface has counted since it was opened.
 *
 * @param sentInPlace datagrams that the device read where the program wrote them
 * @param sentCopied datagrams that were copied first: short, of ordinary memory, or many at once
 * @param receivedInPlace datagrams that the program reads where the device wrote them
 * @param receivedCopied datagrams that were copied, because the program holds too many buffers
 * @param foreign frames for somebody else, or of a protocol that is not spoken
 * @param malformed frames that were not whole
 * @param fragments pieces of packets, which are refused
 * @param unclaimed datagrams for a port that nobody has
 * @param overrun datagrams that a channel did not read in time
 * @param unreachable datagrams whose neighbour did not answer
 * @param unanswered answers of the stack itself that found no buffer
 */
public record DriverInterfaceStatistics(
        long sentInPlace,
        long sentCopied,
        long receivedInPlace,
        long receivedCopied,
        long foreign,
        long malformed,
        long fragments,
        long unclaimed,
        long overrun,
        long unreachable,
        long unanswered) {}
