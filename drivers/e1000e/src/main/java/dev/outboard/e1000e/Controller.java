package dev.outboard.e1000e;

import dev.outboard.driver.Device;
import dev.outboard.driver.DeviceException;
import dev.outboard.driver.Notice;
import dev.outboard.uio.Registers;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * The controller: its way up, down, and up again. Any thread.
 *
 * <p>{@link #generation} counts its resets. A ring that finds another number than it was made in is
 * unknown to the controller, and makes itself anew on its own thread.
 */
final class Controller implements AutoCloseable {
    private static final long TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(1);
    private static final long LOOK_NANOS = 100_000;
    private static final int ALL_ONES = -1;
    private static final int ADDRESS_BYTES = 6;
    private static final int BITS_16 = 0xffff;

    private final Device device;
    private final Registers registers;
    private final boolean hasVectors;
    private final byte[] address;
    private volatile long generation;
    private volatile boolean isQuiet;
    private volatile Consumer<Notice> notices = notice -> {};
    private final List<Runnable> restarted = new ArrayList<>();
    private boolean receivesAll;

    /**
     * @param hasVectors whether each cause has a vector of its own, else all share one
     */
    Controller(Device device, boolean hasVectors) {
        this.device = device;
        this.hasVectors = hasVectors;
        registers = device.registers(0);
        reset();
        address = readAddress();
        setUp();
    }

    Registers registers() {
        return registers;
    }

    String name() {
        return device.name();
    }

    boolean hasVectors() {
        return hasVectors;
    }

    byte[] address() {
        return address;
    }

    long generation() {
        return generation;
    }

    /** Who is told of resets, and of what else there is to say. */
    void onNotice(Consumer<Notice> listener) {
        notices = listener;
    }

    /**
     * What runs after each restart: masks are as after power-on, and who waits for an interrupt
     * would wait for ever. For when the controller starts.
     */
    void onRestart(Runnable listener) {
        restarted.add(listener);
    }

    void tell(Notice notice) {
        notices.accept(notice);
    }

    /** Forgets everything: rings, masks, filters; afterwards it reaches no memory. */
    private void reset() {
        registers.putInt(E1000eDescriptor.MASK_CLEAR, ALL_ONES);
        registers.putInt(E1000eDescriptor.RECEIVE_CONTROL, 0);
        registers.putInt(E1000eDescriptor.SEND_CONTROL, E1000eDescriptor.SEND_PAD);
        int control = registers.getInt(E1000eDescriptor.CONTROL);
        registers.putInt(E1000eDescriptor.CONTROL, control | E1000eDescriptor.CONTROL_NO_MASTER);
        // What it has begun on the bus it ends, before it is reset (3.1.3.10).
        await(E1000eDescriptor.STATUS, E1000eDescriptor.STATUS_MASTER, 0, "leave the bus");
        registers.putInt(E1000eDescriptor.CONTROL, control | E1000eDescriptor.CONTROL_RESET);
        await(E1000eDescriptor.CONTROL, E1000eDescriptor.CONTROL_RESET, 0, "reset itself");
        await(
                E1000eDescriptor.EEPROM_CONTROL,
                E1000eDescriptor.EEPROM_LOADED,
                E1000eDescriptor.EEPROM_LOADED,
                "load its EEPROM");
        registers.putInt(E1000eDescriptor.MASK_CLEAR, ALL_ONES);
        // Reading takes back what it had signalled before.
        registers.getInt(E1000eDescriptor.CAUSES);
    }

    private void await(int register, int mask, int wanted, String what) {
        long deadline = System.nanoTime() + TIMEOUT_NANOS;
        while (true) {
            int value = registers.getInt(register);
            if (value != ALL_ONES && (value & mask) == wanted) {
                return;
            }
            device.checkPresent();
            if (value == ALL_ONES || System.nanoTime() - deadline > 0) {
                throw new DeviceException(
                        "device %s does not %s: register 0x%x is 0x%x"
                                .formatted(device.name(), what, register, value));
            }
            LockSupport.parkNanos(LOOK_NANOS);
        }
    }

    /** From the receive address that the EEPROM filled, else from the EEPROM itself. */
    private byte[] readAddress() {
        int low = registers.getInt(E1000eDescriptor.ADDRESS_LOW);
        int high = registers.getInt(E1000eDescriptor.ADDRESS_HIGH);
        if ((high & E1000eDescriptor.ADDRESS_VALID) == 0) {
            low = eepromWord(0) | eepromWord(1) << Short.SIZE;
            high = eepromWord(2);
        }
        byte[] bytes = new byte[ADDRESS_BYTES];
        for (int index = 0; index < ADDRESS_BYTES; index++) {
            int word = index < Integer.BYTES ? low : high;
            bytes[index] = (byte) (word >>> index % Integer.BYTES * Byte.SIZE);
        }
        boolean isNone = low == 0 && (high & BITS_16) == 0;
        if (isNone || (bytes[0] & 1) != 0) {
            throw new DeviceException(
                    "device %s has no usable MAC address: low=0x%x high=0x%x"
                            .formatted(device.name(), low, high));
        }
        return bytes;
    }

    private int eepromWord(int index) {
        registers.putInt(E1000eDescriptor.EEPROM_READ, index << 2 | E1000eDescriptor.EEPROM_START);
        await(
                E1000eDescriptor.EEPROM_READ,
                E1000eDescriptor.EEPROM_DONE,
                E1000eDescriptor.EEPROM_DONE,
                "read its EEPROM");
        return registers.getInt(E1000eDescriptor.EEPROM_READ) >>> Short.SIZE;
    }

    /** All that is not a ring's. */
    private void setUp() {
        int low = 0;
        int high = E1000eDescriptor.ADDRESS_VALID;
        for (int index = 0; index < Integer.BYTES; index++) {
            low |= (address[index] & 0xff) << index * Byte.SIZE;
        }
        high |= address[4] & 0xff | (address[5] & 0xff) << Byte.SIZE;
        registers.putInt(E1000eDescriptor.ADDRESS_LOW, low);
        registers.putInt(E1000eDescriptor.ADDRESS_HIGH, high);
        for (int word = 0; word < E1000eDescriptor.GROUP_WORDS; word++) {
            registers.putInt(E1000eDescriptor.GROUPS + (long) word * Integer.BYTES, 0);
        }
        registers.putInt(E1000eDescriptor.RECEIVE_FILTER, E1000eDescriptor.FILTER_EXTENDED);
        registers.putInt(
                E1000eDescriptor.RECEIVE_CHECKSUM,
                E1000eDescriptor.CHECKSUM_IP | E1000eDescriptor.CHECKSUM_TCP_UDP);
        registers.putInt(E1000eDescriptor.SEND_GAP, E1000eDescriptor.SEND_GAP_COPPER);
        setUpInterrupts();
        wakePhy();
        int control = registers.getInt(E1000eDescriptor.CONTROL);
        registers.putInt(
                E1000eDescriptor.CONTROL,
                control & ~E1000eDescriptor.CONTROL_NO_MASTER | E1000eDescriptor.CONTROL_LINK_UP);
    }

    private void setUpInterrupts() {
        int extended =
                registers.getInt(E1000eDescriptor.CONTROL_EXTENDED)
                        | E1000eDescriptor.EXTENDED_DRIVER_LOADED;
        if (hasVectors) {
            int valid = E1000eDescriptor.VECTOR_VALID;
            registers.putInt(
                    E1000eDescriptor.VECTORS,
                    valid
                            | E1000e.FILL_VECTOR
                            | (valid | E1000e.SEND_VECTOR) << E1000eDescriptor.VECTOR_SEND_SHIFT
                            | (valid | E1000e.OTHER_VECTOR) << E1000eDescriptor.VECTOR_OTHER_SHIFT);
            // A vector that has signalled is masked until its line is unmasked again.
            registers.putInt(
                    E1000eDescriptor.AUTO_CLEAR,
                    E1000eDescriptor.CAUSE_FILL_QUEUE
                            | E1000eDescriptor.CAUSE_SEND_QUEUE
                            | E1000eDescriptor.CAUSE_OTHER);
            extended |=
                    E1000eDescriptor.EXTENDED_AUTO_MASK | E1000eDescriptor.EXTENDED_CLEAR_PENDING;
            for (int vector = 0; vector < E1000e.VECTORS; vector++) {
                // No throttle: a line signals once, and is masked while its thread works.
                registers.putInt(E1000eDescriptor.THROTTLE + (long) vector * Integer.BYTES, 0);
            }
        }
        registers.putInt(E1000eDescriptor.CONTROL_EXTENDED, extended);
    }

    /** Has the PHY agree on a speed, where somebody has turned it off. */
    private void wakePhy() {
        int control = phy(E1000eDescriptor.PHY_READ, E1000eDescriptor.PHY_CONTROL, 0);
        boolean negotiates = (control & E1000eDescriptor.PHY_NEGOTIATE) != 0;
        if (!negotiates || (control & E1000eDescriptor.PHY_POWER_DOWN) != 0) {
            phy(
                    E1000eDescriptor.PHY_WRITE,
                    E1000eDescriptor.PHY_CONTROL,
                    E1000eDescriptor.PHY_NEGOTIATE | E1000eDescriptor.PHY_NEGOTIATE_AGAIN);
        }
    }

    private int phy(int operation, int register, int value) {
        registers.putInt(
                E1000eDescriptor.PHY_ACCESS,
                operation | E1000eDescriptor.PHY_ADDRESS | register << Short.SIZE | value);
        await(
                E1000eDescriptor.PHY_ACCESS,
                E1000eDescriptor.PHY_READY,
                E1000eDescriptor.PHY_READY,
                "reach its PHY");
        int answer = registers.getInt(E1000eDescriptor.PHY_ACCESS);
        if ((answer & E1000eDescriptor.PHY_ERROR) != 0) {
            throw new DeviceException(
                    "device %s does not reach its PHY: 0x%x".formatted(device.name(), answer));
        }
        return answer & BITS_16;
    }

    /**
     * Hands a ring to it, empty, and has it begin.
     *
     * @param base of the ring's registers
     */
    synchronized void startRing(int base, long iova, int lengthBytes) {
        registers.putInt(base + E1000eDescriptor.RING_ADDRESS, (int) iova);
        registers.putInt(base + E1000eDescriptor.RING_ADDRESS_HIGH, (int) (iova >>> 32));
        registers.putInt(base + E1000eDescriptor.RING_BYTES, lengthBytes);
        registers.putInt(base + E1000eDescriptor.RING_HEAD, 0);
        registers.putInt(base + E1000eDescriptor.RING_TAIL, 0);
        registers.putInt(base + E1000eDescriptor.RING_DELAY, 0);
        registers.putInt(base + E1000eDescriptor.RING_MOST_DELAY, 0);
        if (base == E1000eDescriptor.FILL_BASE) {
            registers.putInt(
                    base + E1000eDescriptor.RING_CONTROL, E1000eDescriptor.RING_WRITE_BACK);
            setReceiveControl();
        } else {
            registers.putInt(
                    base + E1000eDescriptor.RING_CONTROL,
                    E1000eDescriptor.RING_WRITE_BACK | E1000eDescriptor.RING_SEND_COUNT);
            registers.putInt(
                    E1000eDescriptor.SEND_CONTROL,
                    E1000eDescriptor.SEND_ENABLE
                            | E1000eDescriptor.SEND_PAD
                            | E1000eDescriptor.SEND_COLLISIONS);
        }
    }

    private void setReceiveControl() {
        registers.putInt(
                E1000eDescriptor.RECEIVE_CONTROL,
                E1000eDescriptor.RECEIVE_ENABLE
                        | E1000eDescriptor.RECEIVE_ALL_GROUPS
                        | E1000eDescriptor.RECEIVE_BROADCAST
                        | E1000eDescriptor.RECEIVE_STRIP_CRC
                        | (receivesAll ? E1000eDescriptor.RECEIVE_ALL_SINGLE : 0));
    }

    /** Frames of the whole wire, or those for this address and for groups. */
    synchronized void receiveAll(boolean isWanted) {
        receivesAll = isWanted;
        if (!isQuiet) {
            setReceiveControl();
        }
    }

    /** Status register, as it is now. */
    int status() {
        return registers.getInt(E1000eDescriptor.STATUS);
    }

    boolean isLinkUp() {
        int status = status();
        return status != ALL_ONES && (status & E1000eDescriptor.STATUS_LINK_UP) != 0;
    }

    /**
     * Whether somebody has reset it: a ring that was started does not run any more. One register
     * read.
     *
     * @param base of the ring's registers
     * @throws DeviceException if it is not there any more
     */
    boolean hasForgotten(int base) {
        boolean isFill = base == E1000eDescriptor.FILL_BASE;
        int control =
                registers.getInt(
                        isFill ? E1000eDescriptor.RECEIVE_CONTROL : E1000eDescriptor.SEND_CONTROL);
        device.checkPresent();
        if (control == ALL_ONES) {
            throw new DeviceException(
                    "device %s does not answer any more: its registers read as all ones"
                            .formatted(device.name()));
        }
        int enable = isFill ? E1000eDescriptor.RECEIVE_ENABLE : E1000eDescriptor.SEND_ENABLE;
        return (control & enable) == 0;
    }

    /** Resets it and sets it up again, unless another thread has since that generation. */
    synchronized void restart(long seen) {
        if (generation == seen && !isQuiet) {
            reset();
            setUp();
            generation++;
            restarted.forEach(Runnable::run);
            tell(
                    new Notice(
                            Notice.RESET,
                            "device %s was reset by somebody else and set up again: frames under"
                                    + " way are lost".formatted(device.name())));
        }
    }

    /** It reaches no memory, and signals nothing, when this returns. Idempotent. */
    synchronized void quiesce() {
        if (!isQuiet) {
            isQuiet = true;
            if (!device.isLost()) {
                reset();
            }
        }
    }

    @Override
    public void close() {
        quiesce();
    }
}
