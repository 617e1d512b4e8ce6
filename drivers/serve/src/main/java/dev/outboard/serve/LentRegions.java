package dev.outboard.serve;

import dev.outboard.backend.RegionListener;
import dev.outboard.dma.LentMemory;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.vhost.MemoryRegion;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which of a client's regions are lent to the device, and where in physical memory they are.
 *
 * <p>A file is lent once, as a whole, however many regions are of it; the client names bytes only
 * through its regions, and the device reaches only what is mapped, but under strategies that map
 * all there is. What cannot be lent is served by copying, with the reason told once.
 *
 * <p>The loop's thread. {@link #physicalAddress} allocates nothing.
 */
final class LentRegions implements RegionListener, AutoCloseable {
    /** The bytes are to be copied. */
    static final long NONE = -1;

    private static final Logger LOG = LoggerFactory.getLogger(LentRegions.class);

    private final Function<MemoryFile, LentMemory> borrow;
    private Runnable beforeEnd = () -> {};
    private final List<Loan> loans = new ArrayList<>();
    private final Set<String> reasons = new LinkedHashSet<>();
    private Place[] places = {};
    private Place last = Place.NOWHERE;
    private long lentBytes;
    private long mostLentBytes;

    /** A file that is lent, and how many regions are of it. */
    private static final class Loan {
        final MemoryFile.Identity file;
        final LentMemory memory;
        int regions;

        Loan(MemoryFile.Identity file, LentMemory memory) {
            this.file = file;
            this.memory = memory;
        }
    }

    /** A region: where this process sees it, and where it is in physical memory. */
    private record Place(MemoryRegion region, Loan loan, MemorySegment memory, long physical) {
        static final Place NOWHERE = new Place(null, null, MemorySegment.NULL, NONE);
    }

    /** Takes a file over and lends it, or says by an exception why it cannot be. */
    LentRegions(Function<MemoryFile, LentMemory> borrow) {
        this.borrow = borrow;
    }

    /** Has somebody let go of what the device has of a client's memory before a loan ends. */
    void beforeEnd(Runnable letGo) {
        beforeEnd = letGo;
    }

    @Override
    public void came(MemoryRegion region, Descriptor file, MemorySegment memory) {
        Loan loan;
        try {
            loan = loan(file);
            requireWithin(region, loan);
        } catch (RuntimeException refused) {
            // Memory that cannot be lent is no fault of the client's: it is copied.
            if (reasons.add(refused.getMessage())) {
                LOG.warn("the client's memory is copied: {}", refused.getMessage());
            }
            return;
        }
        loan.regions++;
        long physical = loan.memory.physicalAddress() + region.fileOffset();
        Place[] more = Arrays.copyOf(places, places.length + 1);
        more[places.length] = new Place(region, loan, memory, physical);
        places = more;
    }

    private static void requireWithin(MemoryRegion region, Loan loan) {
        long length = loan.memory.lengthBytes();
        if (region.fileOffset() < 0 || region.fileOffset() > length - region.lengthBytes()) {
            throw new IllegalArgumentException("a region is beyond its file: " + region);
        }
    }

    private Loan loan(Descriptor file) {
        MemoryFile received = MemoryFile.adopt(file.duplicate());
        MemoryFile.Identity identity = received.identity();
        for (Loan known : loans) {
            if (known.file.equals(identity)) {
                received.close();
                return known;
            }
        }
        Loan made = new Loan(identity, borrow.apply(received));
        loans.add(made);
        lentBytes += made.memory.lengthBytes();
        mostLentBytes = Math.max(mostLentBytes, lentBytes);
        return made;
    }

    @Override
    public void going(MemoryRegion region) {
        for (int i = 0; i < places.length; i++) {
            if (places[i].region.isSamePlace(region)) {
                remove(i);
                return;
            }
        }
    }

    private void remove(int index) {
        Place going = places[index];
        Place[] fewer = new Place[places.length - 1];
        System.arraycopy(places, 0, fewer, 0, index);
        System.arraycopy(places, index + 1, fewer, index, fewer.length - index);
        places = fewer;
        last = Place.NOWHERE;
        going.loan.regions--;
        if (going.loan.regions == 0) {
            beforeEnd.run();
            end(going.loan);
        }
    }

    /** Whatever the device still has of it is revoked. */
    private void end(Loan loan) {
        loans.remove(loan);
        lentBytes -= loan.memory.lengthBytes();
        loan.memory.close();
    }

    /**
     * Where bytes of a region are in physical memory, or {@link #NONE}.
     *
     * @param memory a region, as the session's windows point into it
     */
    long physicalAddress(MemorySegment memory, long offset) {
        Place place = last;
        if (place.memory != memory) {
            place = find(memory);
            if (place == Place.NOWHERE) {
                return NONE;
            }
            last = place;
        }
        return place.physical + offset;
    }

    private Place find(MemorySegment memory) {
        for (Place place : places) {
            if (place.memory == memory) {
                return place;
            }
        }
        return Place.NOWHERE;
    }

    /** The most bytes of files that were lent at a time. */
    long mostLentBytes() {
        return mostLentBytes;
    }

    /** Why some memory was not lent, since the start. */
    Set<String> reasons() {
        return reasons;
    }

    /** Ends every loan that is left. */
    @Override
    public void close() {
        places = new Place[0];
        last = Place.NOWHERE;
        for (Loan loan : List.copyOf(loans)) {
            end(loan);
        }
    }
}
