package dev.outboard.models.nvme;

import dev.outboard.backend.loop.Counters;
import dev.outboard.backend.loop.DeviceLoop;
import dev.outboard.dma.BusMaster;
import dev.outboard.models.pci.PciIdentification;
import dev.outboard.models.pci.PciModel;
import dev.outboard.models.pci.PciPort;
import dev.outboard.models.shape.NvmeShape;
import dev.outboard.uio.Mapping;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.NativeException;
import dev.outboard.uio.vfiouser.VfioUserDevice.Area;
import dev.outboard.uio.vfiouser.VfioUserDevice.Shared;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A controller: its registers, and the rings that it serves in turn, a few commands to a DMA
 * section. The loop's thread; serving allocates nothing.
 */
public final class NvmeController implements PciModel, AutoCloseable {
    /** Commands of one ring in one DMA section. */
    private static final int BURST = 32;

    private static final int CLASS_CODE = 0x01_08_02;
    private static final int VECTOR_REGION = 4;
    private static final long VECTOR_REGION_BYTES = 0x10000;
    private static final int TIMEOUT_UNITS = 20;
    private static final long CAPABILITY_CONTIGUOUS = 1L << 16;
    private static final long CAPABILITY_NVM = 1L << 37;
    private static final int SHUTDOWN_MASK = 3 << 14;
    private static final int PAGE_SIZE_MASK = 0xf << 7;
    private static final int COMMAND_SET_MASK = 7 << 4;
    private static final int ARBITRATION_MASK = 7 << 11;

    /** How long a page of doorbells is looked at often, and how often then, and later. */
    private static final long RECENT_NANOS = 20_000_000;

    private static final long OFTEN_NANOS = 50_000;
    private static final long SELDOM_NANOS = 1_000_000;

    private final PciPort port;
    private final NvmeShape shape;
    private final Counters counters;
    private final List<Namespace> namespaces;
    private final AsyncEvents events = new AsyncEvents();
    private final HeldCommands held;
    private final AdminCommands admin;
    private final IoCommands io;
    private final ShadowDoorbells shadows = new ShadowDoorbells();
    private final Command command = new Command();
    private MemoryFile doorbellFile;
    private Mapping doorbellMapping;
    private MemorySegment doorbells;
    private Queues queues;
    private int configuration;
    private int status;
    private int adminSizes;
    private long adminSubmissions;
    private long adminCompletions;
    private int masked;
    private boolean isServing;
    private int turn;
    private long workedNanos;

    /**
     * A controller that rests.
     *
     * @param name of it, as its serial number
     * @param namespaces numbered from 1; their media stay the caller's
     */
    public NvmeController(
            PciPort port,
            NvmeShape shape,
            String name,
            List<Namespace> namespaces,
            Counters counters) {
        this.port = port;
        this.shape = shape;
        this.counters = counters;
        this.namespaces = List.copyOf(namespaces);
        held = new HeldCommands(shape.latencyNanos() > 0);
        admin = new AdminCommands(this, shape, name, this.namespaces, counters, events);
        io = new IoCommands(this.namespaces, shape.transferBytes(), counters);
        makeDoorbells();
    }

    /** A page of its own for each client: who was here before may still have it mapped. */
    private void makeDoorbells() {
        MemoryFile file = MemoryFile.create("nvme-doorbells", NvmeDescriptor.REGISTERS_BYTES);
        try {
            file.sealSize();
            doorbellMapping = file.map(0, NvmeDescriptor.REGISTERS_BYTES, true);
        } catch (RuntimeException failure) {
            file.close();
            throw failure;
        }
        doorbellFile = file;
        doorbells =
                doorbellMapping
                        .memory()
                        .asSlice(NvmeDescriptor.DOORBELLS, NvmeDescriptor.DOORBELLS_BYTES);
        queues = new Queues(this, shape, doorbells);
    }

    @Override
    public PciIdentification identification() {
        return new PciIdentification(
                Identity.VENDOR, Identity.DEVICE, 2, CLASS_CODE, 0, shape.vectors(), VECTOR_REGION);
    }

    @Override
    public long regionBytes(int region) {
        return switch (region) {
            case 0 -> NvmeDescriptor.REGISTERS_BYTES;
            case VECTOR_REGION -> VECTOR_REGION_BYTES;
            default -> 0;
        };
    }

    @Override
    public Shared shared(int region) {
        return region == 0 && shape.doorbells() == NvmeShape.Doorbells.MAPPED
                ? new Shared(
                        doorbellFile.descriptor(),
                        0,
                        List.of(new Area(NvmeDescriptor.DOORBELLS, NvmeDescriptor.DOORBELLS_BYTES)))
                : null;
    }

    Queues queues() {
        return queues;
    }

    @Override
    public long read(int region, long offset, int bytes) {
        int at = (int) offset & -Integer.BYTES;
        long low = Integer.toUnsignedLong(word(at));
        if (bytes == Long.BYTES) {
            return low | (long) word(at + Integer.BYTES) << Integer.SIZE;
        }
        return low >>> (offset & 3) * Byte.SIZE;
    }

    private int word(int offset) {
        return switch (offset) {
            case NvmeDescriptor.CAPABILITIES -> (int) capabilities();
            case NvmeDescriptor.CAPABILITIES + 4 -> (int) (capabilities() >>> Integer.SIZE);
            case NvmeDescriptor.VERSION -> NvmeDescriptor.VERSION_1_4;
            case NvmeDescriptor.MASK_SET, NvmeDescriptor.MASK_CLEAR -> masked;
            case NvmeDescriptor.CONFIGURATION -> configuration;
            case NvmeDescriptor.STATUS -> status;
            case NvmeDescriptor.ADMIN_SIZES -> adminSizes;
            case NvmeDescriptor.ADMIN_SUBMISSIONS -> (int) adminSubmissions;
            case NvmeDescriptor.ADMIN_SUBMISSIONS + 4 -> (int) (adminSubmissions >>> Integer.SIZE);
            case NvmeDescriptor.ADMIN_COMPLETIONS -> (int) adminCompletions;
            case NvmeDescriptor.ADMIN_COMPLETIONS + 4 -> (int) (adminCompletions >>> Integer.SIZE);
            default -> 0;
        };
    }

    private long capabilities() {
        return shape.entries() - 1
                | CAPABILITY_CONTIGUOUS
                | (long) TIMEOUT_UNITS << 24
                | CAPABILITY_NVM;
    }

    @Override
    public void write(int region, long offset, int bytes, long value) {
        if (bytes < Integer.BYTES) {
            throw new IllegalArgumentException("registers are written by 4 bytes or 8");
        }
        writeWord((int) offset, (int) value);
        if (bytes == Long.BYTES) {
            writeWord((int) offset + Integer.BYTES, (int) (value >>> Integer.SIZE));
        }
    }

    private void writeWord(int offset, int value) {
        int doorbell = offset - NvmeDescriptor.DOORBELLS;
        if (doorbell >= 0 && doorbell < NvmeDescriptor.DOORBELLS_BYTES) {
            NvmeDescriptor.WORD.setRelease(doorbells, (long) doorbell, value);
            return;
        }
        switch (offset) {
            case NvmeDescriptor.MASK_SET -> masked |= value;
            case NvmeDescriptor.MASK_CLEAR -> masked &= ~value;
            case NvmeDescriptor.CONFIGURATION -> configure(value);
            case NvmeDescriptor.ADMIN_SIZES -> adminSizes = value;
            case NvmeDescriptor.ADMIN_SUBMISSIONS ->
                    adminSubmissions = low(adminSubmissions, value & -NvmeDescriptor.PAGE_BYTES);
            case NvmeDescriptor.ADMIN_SUBMISSIONS + 4 ->
                    adminSubmissions = high(adminSubmissions, value);
            case NvmeDescriptor.ADMIN_COMPLETIONS ->
                    adminCompletions = low(adminCompletions, value & -NvmeDescriptor.PAGE_BYTES);
            case NvmeDescriptor.ADMIN_COMPLETIONS + 4 ->
                    adminCompletions = high(adminCompletions, value);
            default -> {
                // Read-only, or reserved: ignored, as the specification has it.
            }
        }
    }

    private static long low(long old, int value) {
        return old & ~0xffff_ffffL | Integer.toUnsignedLong(value);
    }

    private static long high(long old, int value) {
        return old & 0xffff_ffffL | (long) value << Integer.SIZE;
    }

    private void configure(int value) {
        boolean wasOn = (configuration & NvmeDescriptor.CONFIGURATION_ENABLE) != 0;
        boolean isOn = (value & NvmeDescriptor.CONFIGURATION_ENABLE) != 0;
        boolean wasShut = (configuration & SHUTDOWN_MASK) != 0;
        configuration = value;
        if (wasOn && !isOn) {
            rest();
            configuration = value & ~NvmeDescriptor.CONFIGURATION_ENABLE;
            counters.add(NvmeCounters.RESETS, 1);
        } else if (!wasOn && isOn) {
            enable(value);
        }
        if ((value & SHUTDOWN_MASK) != 0 && !wasShut) {
            shutDown();
        }
    }

    private void enable(int value) {
        int submissionEntries = (adminSizes & 0xfff) + 1;
        int completionEntries = (adminSizes >>> Short.SIZE & 0xfff) + 1;
        boolean isUsable =
                (value & (PAGE_SIZE_MASK | COMMAND_SET_MASK | ARBITRATION_MASK)) == 0
                        && submissionEntries > 1
                        && completionEntries > 1;
        if (!isUsable) {
            status = NvmeDescriptor.STATUS_FATAL;
            return;
        }
        queues.createAdmin(
                adminSubmissions, submissionEntries, adminCompletions, completionEntries);
        status = NvmeDescriptor.STATUS_READY;
        isServing = true;
    }

    private void shutDown() {
        isServing = false;
        try {
            for (Namespace namespace : namespaces) {
                namespace.medium().flush();
            }
            status |= NvmeDescriptor.STATUS_SHUTDOWN_DONE;
        } catch (NativeException failure) {
            status |= NvmeDescriptor.STATUS_FATAL;
        }
    }

    /** Every ring is forgotten, and every command. */
    private void rest() {
        isServing = false;
        status = 0;
        queues.clear();
        held.clear();
        events.reset();
        admin.reset();
        io.writeThrough(false);
        shadows.clear();
    }

    @Override
    public void reset() {
        rest();
        configuration = 0;
        adminSizes = 0;
        adminSubmissions = 0;
        adminCompletions = 0;
        masked = 0;
        doorbells.fill((byte) 0);
    }

    @Override
    public void disconnected() {
        reset();
        doorbellMapping.close();
        doorbellFile.close();
        makeDoorbells();
    }

    /** A ring cannot be reached: nothing more is done until a reset. */
    private void fail() {
        counters.add(NvmeCounters.FAULTS, 1);
        status |= NvmeDescriptor.STATUS_FATAL;
        isServing = false;
    }

    @Override
    public boolean poll(long nowNanos) {
        if (!isServing) {
            return false;
        }
        boolean worked = !held.isEmpty() && serveHeld(nowNanos);
        SubmissionQueue[] active = queues.active();
        if (shadows.isUsed() && !lookAtShadows(active)) {
            return true;
        }
        int count = active.length;
        turn = turn + 1 < count ? turn + 1 : 0;
        for (int number = 0; number < count && isServing; number++) {
            int at = turn + number;
            SubmissionQueue queue = active[at < count ? at : at - count];
            if (hasWork(queue)) {
                worked |= serve(queue, nowNanos);
            }
        }
        if (events.ready() >= 0) {
            worked |= tellEvents();
        }
        if (worked) {
            workedNanos = nowNanos;
        }
        return worked;
    }

    private boolean hasWork(SubmissionQueue queue) {
        if (!shadows.isUsed()) {
            queue.tail.look();
        }
        if (queue.tail.takeWrong()) {
            events.happened(AsyncEvents.WRONG_DOORBELL);
        }
        return queue.hasCommands();
    }

    /** Whether there is room for a completion. */
    private boolean hasRoom(CompletionQueue ring) {
        return ring.room() > 0 || !shadows.isUsed() && ring.look() && ring.room() > 0;
    }

    private boolean lookAtShadows(SubmissionQueue[] active) {
        BusMaster bus = port.bus();
        long generation = bus.enter();
        boolean isThere = shadows.look(bus, generation, active);
        bus.exit();
        if (!isThere) {
            fail();
        }
        return isThere;
    }

    private boolean serve(SubmissionQueue queue, long nowNanos) {
        CompletionQueue ring = queue.completions;
        BusMaster bus = port.bus();
        long generation = bus.enter();
        int done = 0;
        while (done < BURST && queue.hasCommands() && hasRoom(ring) && !held.isFull()) {
            if (done > 0) {
                generation = bus.checkpoint();
            }
            if (!queue.fetch(bus, generation, command)) {
                fail();
                break;
            }
            done++;
            if (queue.id != 0 && shape.latencyNanos() > 0) {
                held.add(queue, command, nowNanos + shape.latencyNanos());
                continue;
            }
            int outcome = queue.id == 0 ? admin.execute(bus, command) : io.execute(bus, command);
            if (queue.id != 0 && io.isRestDue()) {
                bus.exit();
                outcome = io.finish();
                generation = bus.enter();
            }
            if (outcome != NvmeStatus.LATER) {
                complete(bus, generation, queue, command, outcome);
            }
        }
        bus.exit();
        interrupt(ring);
        return done > 0;
    }

    private void complete(
            BusMaster bus, long generation, SubmissionQueue queue, Command of, int outcome) {
        if (outcome != NvmeStatus.OK) {
            counters.add(NvmeCounters.ERRORS, 1);
        }
        int told = NvmeStatus.told(outcome);
        int word = queue.id == 0 ? admin.result() : 0;
        long idStatus = of.id() | (long) told << Short.SIZE;
        if (!queue.completions.post(bus, generation, queue.id, queue.head(), idStatus, word)) {
            fail();
        }
    }

    private void interrupt(CompletionQueue ring) {
        if (ring.takeNews() && ring.vector >= 0) {
            port.interrupt(ring.vector);
        }
    }

    /** What was held, and is due. */
    private boolean serveHeld(long nowNanos) {
        boolean worked = false;
        while (isServing && !held.isEmpty() && nowNanos - held.dueNanos() >= 0) {
            SubmissionQueue queue = held.queue();
            if (queue != null && !hasRoom(queue.completions)) {
                return worked;
            }
            if (queue != null) {
                serveHeld(queue);
            }
            held.remove();
            worked = true;
        }
        return worked;
    }

    private void serveHeld(SubmissionQueue queue) {
        BusMaster bus = port.bus();
        long generation = bus.enter();
        int outcome = held.isAborted() ? NvmeStatus.ABORTED : io.execute(bus, held.command());
        if (!held.isAborted() && io.isRestDue()) {
            bus.exit();
            outcome = io.finish();
            generation = bus.enter();
        }
        complete(bus, generation, queue, held.command(), outcome);
        bus.exit();
        interrupt(queue.completions);
    }

    private boolean tellEvents() {
        CompletionQueue ring = queues.completions(0);
        SubmissionQueue queue = queues.active()[0];
        boolean told = false;
        BusMaster bus = port.bus();
        long generation = bus.enter();
        int type = events.ready();
        while (type >= 0 && hasRoom(ring)) {
            int word = events.tell(type);
            int id = events.takeRequest();
            if (!ring.post(bus, generation, 0, queue.head(), id, word)) {
                fail();
                break;
            }
            told = true;
            type = events.ready();
        }
        bus.exit();
        interrupt(ring);
        return told;
    }

    /** Gives a command up, if it is still held; whether it was. */
    boolean abort(int queue, int id) {
        return queue != 0 && held.abort(queue, id);
    }

    void forget(SubmissionQueue queue) {
        held.forget(queue);
    }

    void writeThrough(boolean isOn) {
        io.writeThrough(isOn);
    }

    /** Doorbells are in the driver's memory from now on; a status. Within a DMA section. */
    int shadow(long shadowIova, long eventIova) {
        if (shape.doorbells() != NvmeShape.Doorbells.SHADOWED) {
            return NvmeStatus.INVALID_OPCODE;
        }
        return shadows.use(port.bus(), queues, shadowIova, eventIova)
                ? NvmeStatus.OK
                : NvmeStatus.INVALID_FIELD;
    }

    @Override
    public boolean askForDoorbells(long nowNanos) {
        if (!isServing || !shadows.isUsed()) {
            return false;
        }
        BusMaster bus = port.bus();
        SubmissionQueue[] active = queues.active();
        long generation = bus.enter();
        boolean isThere = shadows.ask(bus, generation, active);
        bus.exit();
        if (!isThere) {
            fail();
            return true;
        }
        for (SubmissionQueue queue : active) {
            if (queue.hasCommands() && queue.completions.room() > 0) {
                return true;
            }
        }
        return false;
    }

    @Override
    public long sleepLimitNanos(long nowNanos) {
        long limit = DeviceLoop.FOREVER;
        if (isServing && shape.doorbells() == NvmeShape.Doorbells.MAPPED) {
            limit = nowNanos - workedNanos < RECENT_NANOS ? OFTEN_NANOS : SELDOM_NANOS;
        }
        if (held.isEmpty()) {
            return limit;
        }
        long due = Math.max(0, held.dueNanos() - nowNanos);
        return limit == DeviceLoop.FOREVER ? due : Math.min(due, limit);
    }

    @Override
    public void close() {
        doorbellMapping.close();
        doorbellFile.close();
    }
}
