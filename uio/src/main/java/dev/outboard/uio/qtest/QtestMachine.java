package dev.outboard.uio.qtest;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.FileAccess;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.Registers;
import dev.outboard.uio.Resources;
import dev.outboard.uio.pci.ConfigurationSpace;
import dev.outboard.uio.pci.PciFunction;
import dev.outboard.uio.pci.PciIdentity;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A QEMU machine of type q35 whose processor rests, driven over its qtest socket, with its RAM in a
 * file that both map: QEMU's device models as a PCI bus, without a guest.
 *
 * <pre>
 *   qemu-system-x86_64 -accel tcg -bios ROM -M q35,memory-backend=m -nodefaults -display none
 *     -object memory-backend-file,id=m,size=64M,mem-path=RAM,share=on
 *     -qtest unix:SOCKET,server=on,wait=off -device edu …
 * </pre>
 *
 * where ROM is one that halts at once. Any thread. The last page of the RAM belongs to this.
 */
public final class QtestMachine implements AutoCloseable {
    /** Where the machine's registers of configuration space are put, 256 MiB of them. */
    private static final long CONFIGURATION = 0xb000_0000L;

    private static final int ADDRESS_PORT = 0xcf8;
    private static final int DATA_PORT = 0xcfc;

    /** Of the host bridge: where the configuration space is mapped, and whether. */
    private static final int PCIEXBAR = 0x8000_0060;

    /** Where regions are put. */
    private static final long FIRST_PLACE = 0xc000_0000L;

    private static final long END_OF_PLACES = 0xfe00_0000L;
    private static final long LEAST_PLACE_BYTES = 4096;

    /** RAM up to here is at the physical address that is its offset. */
    private static final long MOST_RAM_BYTES = 0x8000_0000L;

    private static final int SLOTS = 32;
    private static final int FUNCTIONS = 8;
    private static final Pattern PLACE = Pattern.compile("(?:0000:)?00:([01][0-9a-f])\\.([0-7])");

    private final QtestSocket socket;
    private final Mapping ram;
    private final VectorMailbox mailbox;
    private final Set<String> claimed = new HashSet<>();
    private long nextPlace = FIRST_PLACE;

    private QtestMachine(QtestSocket socket, Mapping ram) {
        this.socket = socket;
        this.ram = ram;
        long page = ram.lengthBytes() - VectorMailbox.LENGTH_BYTES;
        mailbox = new VectorMailbox(ram.memory().asSlice(page, VectorMailbox.LENGTH_BYTES));
        socket.ask("outl 0x%x 0x%x".formatted(ADDRESS_PORT, PCIEXBAR & 0xffff_ffffL));
        socket.ask("outl 0x%x 0x%x".formatted(DATA_PORT, CONFIGURATION | 1));
    }

    /**
     * Connects to a machine that somebody started.
     *
     * @param ramFile the file behind its RAM, at most 2 GiB
     * @param timeoutNanos for its socket to appear, and for each answer
     */
    public static QtestMachine connect(Path path, Path ramFile, long timeoutNanos) {
        Resources owned = new Resources();
        try {
            QtestSocket socket = owned.add(QtestSocket.connect(path, timeoutNanos));
            Mapping ram;
            try (FileAccess file = FileAccess.open(ramFile, true);
                    MemoryFile memory = MemoryFile.adopt(duplicate(file))) {
                if (memory.lengthBytes() > MOST_RAM_BYTES
                        || memory.lengthBytes() <= VectorMailbox.LENGTH_BYTES) {
                    throw new IllegalArgumentException(
                            "%s has %d bytes: the RAM of such a machine has at most %d"
                                    .formatted(ramFile, memory.lengthBytes(), MOST_RAM_BYTES));
                }
                ram = owned.add(memory.map(0, memory.lengthBytes(), true));
            }
            return new QtestMachine(socket, ram);
        } catch (RuntimeException failure) {
            owned.closeAfter(failure);
            throw failure;
        }
    }

    private static Descriptor duplicate(FileAccess file) {
        return file.descriptor().duplicate();
    }

    /** The RAM that drivers may use: offset 0 is physical address 0. */
    public MemorySegment ram() {
        return ram.memory().asSlice(0, ram.lengthBytes() - VectorMailbox.LENGTH_BYTES);
    }

    /** The functions of bus 0, by their place. */
    public Map<String, PciIdentity> functions() {
        Map<String, PciIdentity> found = new TreeMap<>();
        for (int slot = 0; slot < SLOTS; slot++) {
            for (int function = 0; function < FUNCTIONS; function++) {
                PciIdentity identity = PciIdentity.of(configuration(slot, function));
                if (identity.isPresent()) {
                    found.put("0000:00:%02x.%d".formatted(slot, function), identity);
                }
                if (function == 0 && !identity.isPresent()) {
                    break;
                }
            }
        }
        return found;
    }

    /**
     * Claims a function: quiet, its registers decoded, its DMA off.
     *
     * @param place as {@code 0000:00:04.0} or {@code 00:04.0}
     * @throws IllegalArgumentException if that is no place on bus 0
     * @throws IllegalStateException if there is none, or it is claimed already
     */
    public PciFunction open(String place) {
        Matcher matcher = PLACE.matcher(place.toLowerCase(Locale.ROOT));
        if (!matcher.matches()) {
            throw new IllegalArgumentException(
                    "'%s' is no place on bus 0: write it as 00:04.0".formatted(place));
        }
        int slot = Integer.parseInt(matcher.group(1), 16);
        int function = Integer.parseInt(matcher.group(2));
        String name = "0000:00:%02x.%d".formatted(slot, function);
        ConfigurationSpace space = configuration(slot, function);
        if (!PciIdentity.of(space).isPresent()) {
            throw new IllegalStateException(
                    "there is no function at %s: there are %s"
                            .formatted(name, String.join(", ", functions().keySet())));
        }
        synchronized (this) {
            if (!claimed.add(name)) {
                throw new IllegalStateException(name + " is claimed already");
            }
        }
        try {
            return new QtestFunction(this, name, space);
        } catch (RuntimeException failure) {
            closed(name);
            throw failure;
        }
    }

    private ConfigurationSpace configuration(int slot, int function) {
        return new QtestConfiguration(
                socket, CONFIGURATION + ((long) slot << 15) + ((long) function << 12));
    }

    /** An address for a region. */
    synchronized long placeFor(long lengthBytes) {
        long length = Math.max(lengthBytes, LEAST_PLACE_BYTES);
        long place = nextPlace + length - 1 & -length;
        if (place > END_OF_PLACES - length) {
            throw new IllegalStateException(
                    "no address is left for a region of %d bytes".formatted(lengthBytes));
        }
        nextPlace = place + length;
        return place;
    }

    Registers registers(long address, long lengthBytes) {
        return new QtestRegisters(socket, address, lengthBytes);
    }

    VectorMailbox mailbox() {
        return mailbox;
    }

    /** Where the mailbox is, as devices see it. */
    long mailboxAddress() {
        return ram.lengthBytes() - VectorMailbox.LENGTH_BYTES;
    }

    synchronized void closed(String name) {
        claimed.remove(name);
    }

    /** Whether QEMU has ended. */
    public boolean isGone() {
        return socket.isPeerGone();
    }

    /** Ends the connection; QEMU goes on. Functions are to be closed first. */
    @Override
    public void close() {
        mailbox.close();
        socket.close();
        ram.close();
    }
}
