package dev.outboard.dma;

import dev.outboard.iommu.Access;
import dev.outboard.uio.vfiouser.ClientMemory;
import dev.outboard.uio.vfiouser.VfioUserSession;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A bus master of a vfio-user server: it reaches what its client has mapped, by the client's IOVAs
 * and with the client's permissions.
 *
 * <p>Memory that came without a file, or with one that can be shortened, is reached by message:
 * what is resolved for reading is fetched into a buffer of this, what is resolved for writing is
 * sent from there when the section ends, in the order in which it was resolved. One thread, the
 * session's. Nothing allocates where the client's memory is mapped.
 */
public final class ClientBusMaster implements BusMaster {
    /** What one section, or one piece between checkpoints, may move by message. */
    static final long BUFFER_BYTES = 4 << 20;

    private static final int MOST_PIECES = 4096;
    private static final long ALIGNMENT = 64;

    private final VfioUserSession session;
    private final ClientMemory memory;

    /** Made when the first window is met that is not mapped here. */
    private MemorySegment buffer;

    private long used;

    // What is to be sent at the end: IOVA, place in the buffer, length.
    private long[] iovas = new long[0];
    private long[] places = new long[0];
    private long[] lengths = new long[0];
    private int pieces;

    /** How often the buffer was used up: what was resolved before is void. */
    private long sections;

    private boolean inside;
    private boolean closed;
    private long faults;

    /** The memory of a session's client; the session stays the caller's. */
    public ClientBusMaster(VfioUserSession session) {
        this.session = session;
        memory = session.memory();
    }

    @Override
    public long enter() {
        if (inside || closed) {
            throw new IllegalStateException(
                    closed ? "the session is closed" : "a DMA section is open already");
        }
        inside = true;
        return generation();
    }

    private long generation() {
        return memory.changes() + sections;
    }

    @Override
    public long checkpoint() {
        send();
        return generation();
    }

    @Override
    public void exit() {
        if (inside) {
            inside = false;
            send();
        }
    }

    @Override
    public boolean resolve(long address, long lengthBytes, int access, DmaWindow window) {
        if (!inside) {
            throw new IllegalStateException("DMA outside a section: enter first");
        }
        int found = lengthBytes > 0 ? memory.find(address) : -1;
        if (found < 0 || (memory.access(found) & access) != access) {
            faults++;
            return false;
        }
        long granted = Math.min(lengthBytes, memory.end(found) - address);
        if (!memory.isHere(found)) {
            return fetch(address, granted, access, window);
        }
        window.set(memory.memory(found), memory.offset(found, address), granted);
        return true;
    }

    private boolean fetch(long iova, long wanted, int access, DmaWindow window) {
        if (buffer == null) {
            buffer = Arena.ofAuto().allocate(BUFFER_BYTES, ALIGNMENT);
        }
        long length = Math.min(wanted, BUFFER_BYTES - used);
        boolean isWrite = (access & Access.WRITE) != 0;
        if (length <= 0 || isWrite && pieces == MOST_PIECES) {
            faults++;
            return false;
        }
        long place = used;
        MemorySegment part = buffer.asSlice(place, length);
        // What is not written of a piece that is to be written goes back as it was.
        boolean isReadable = (memory.access(memory.find(iova)) & Access.READ) != 0;
        if (isReadable && !session.readMemory(iova, part)) {
            faults++;
            return false;
        }
        used = used + length + ALIGNMENT - 1 & -ALIGNMENT;
        if (isWrite) {
            remember(iova, place, length);
        }
        window.set(buffer, place, length);
        return true;
    }

    private void remember(long iova, long place, long length) {
        if (pieces == iovas.length) {
            int room = Math.max(64, 2 * pieces);
            iovas = Arrays.copyOf(iovas, room);
            places = Arrays.copyOf(places, room);
            lengths = Arrays.copyOf(lengths, room);
        }
        iovas[pieces] = iova;
        places[pieces] = place;
        lengths[pieces] = length;
        pieces++;
    }

    private void send() {
        if (used == 0) {
            return;
        }
        int count = pieces;
        used = 0;
        pieces = 0;
        sections++;
        for (int piece = 0; piece < count; piece++) {
            if (!session.writeMemory(iovas[piece], buffer.asSlice(places[piece], lengths[piece]))) {
                faults++;
            }
        }
    }

    @Override
    public boolean isMapped(long address, long lengthBytes) {
        int found = memory.find(address);
        return found >= 0 && memory.isHere(found) && lengthBytes <= memory.end(found) - address;
    }

    /** A client of vfio-user names everything by IOVA. */
    @Override
    public long ringAddress(long vringAddress) {
        return vringAddress;
    }

    @Override
    public boolean isTranslated() {
        return true;
    }

    /** Accesses refused: to what is not mapped, or not for that. */
    public long faults() {
        return faults;
    }

    /** Forgets what was not sent: the session is over. */
    @Override
    public void close() {
        closed = true;
        inside = false;
        used = 0;
        pieces = 0;
    }
}
