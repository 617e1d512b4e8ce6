package dev.outboard.dma.mediator;

import dev.outboard.dma.DeviceStuckException;
import dev.outboard.dma.PageKind;
import dev.outboard.dma.SegmentSource;
import dev.outboard.dma.Unplug;
import dev.outboard.dma.mediator.ControlMessage.Kind;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.PeerGoneException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Segments of one memory of a client, which the mediator makes: it gives each to the devices of the
 * client's domains before it answers, and takes it from them before it has it back.
 *
 * <pre>
 *   plug     MEMORY  ──► charge, make, devices map ──► SEGMENT + file
 *   unplug   RELEASE ──► hide ─► look: refused if mapped or granted
 *                             ─► sweep ─► devices unmap ──► DONE
 * </pre>
 *
 * <p>What this process knows of its mappings was checked before; the mediator looks for itself, as
 * it trusts nobody, and knows of grants. Any thread, one change at a time.
 */
final class MediatorSegments implements SegmentSource, AutoCloseable {
    private static final System.Logger LOG = System.getLogger(MediatorClient.class.getName());

    private final ControlChannel channel;

    /** What the mediator has not got back, by physical address. */
    private final TreeMap<Long, Piece> pieces = new TreeMap<>();

    /** A segment as it was made, and how much of it was not given back. */
    private static final class Piece {
        final long lengthBytes;
        long leftBytes;

        Piece(long lengthBytes) {
            this.lengthBytes = lengthBytes;
            leftBytes = lengthBytes;
        }
    }

    MediatorSegments(ControlChannel channel) {
        this.channel = channel;
    }

    @Override
    public Made make(long lengthBytes, PageKind kind) {
        return make(lengthBytes, kind, false);
    }

    /**
     * Makes memory for a segment.
     *
     * @param essential whether it may go beyond the quota's barrier, up to its limit
     */
    Made make(long lengthBytes, PageKind kind, boolean essential) {
        ControlMessage question =
                ControlMessage.of(Kind.MEMORY, lengthBytes, essential ? 1 : 0, kind.ordinal());
        ControlChannel.Answer answer = channel.ask(question, Kind.SEGMENT, 1);
        long physicalAddress = answer.message().word(0);
        synchronized (this) {
            pieces.put(physicalAddress, new Piece(answer.message().word(1)));
        }
        return new Made(physicalAddress, MemoryFile.adopt(answer.descriptors().getFirst()), kind);
    }

    @Override
    public void release(long physicalAddress, long lengthBytes, Unplug how) {
        try {
            channel.ask(
                    ControlMessage.of(
                            Kind.RELEASE,
                            physicalAddress,
                            lengthBytes,
                            how == Unplug.FORCE ? 1 : 0));
        } catch (DeviceStuckException stuck) {
            // It is not ours any more: nobody can map it, and the mediator has it back when the
            // device moves, or dies.
            LOG.log(System.Logger.Level.WARNING, stuck.getMessage());
        }
        synchronized (this) {
            Map.Entry<Long, Piece> piece = pieces.floorEntry(physicalAddress);
            piece.getValue().leftBytes -= lengthBytes;
            if (piece.getValue().leftBytes == 0) {
                pieces.remove(piece.getKey());
            }
        }
    }

    @Override
    public void takeBack(long physicalAddress, long lengthBytes) {
        Piece piece;
        synchronized (this) {
            piece = pieces.remove(physicalAddress);
        }
        if (piece != null) {
            giveBack(physicalAddress, piece.lengthBytes);
        }
    }

    private void giveBack(long physicalAddress, long lengthBytes) {
        try {
            channel.ask(ControlMessage.of(Kind.RELEASE, physicalAddress, lengthBytes, 1));
        } catch (PeerGoneException | IllegalStateException gone) {
            // The mediator takes everything back when the connection ends.
        }
    }

    /** The memory is closed: all of it goes back, whoever maps it. */
    @Override
    public void close() {
        List<Long> left;
        synchronized (this) {
            left = List.copyOf(pieces.keySet());
        }
        left.forEach(physicalAddress -> takeBack(physicalAddress, 0));
    }
}
