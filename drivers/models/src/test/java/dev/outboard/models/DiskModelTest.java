package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.DmaDirection;
import dev.outboard.dma.ScatterGatherList;
import dev.outboard.uio.Descriptor;
import dev.outboard.uio.WaitPolicy;
import dev.outboard.virtio.BlockDescriptor;
import dev.outboard.virtio.VirtioFeatures;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DiskModelTest {
    private static final int SECTOR = BlockDescriptor.SECTOR_BYTES;
    private static final int SECTORS = 4096;
    private static final int PAGE = 4096;
    private static final int OK = 0;
    private static final int IO_ERROR = 1;
    private static final int UNSUPPORTED = 2;
    private static final long OFFERED =
            VirtioFeatures.VERSION_1
                    | VirtioFeatures.RING_EVENT_IDX
                    | VirtioFeatures.RING_INDIRECT_DESC
                    | VirtioFeatures.RING_PACKED
                    | VirtioFeatures.IN_ORDER
                    | VirtioFeatures.BLK_SEG_MAX
                    | VirtioFeatures.BLK_BLK_SIZE
                    | VirtioFeatures.ACCESS_PLATFORM;

    @TempDir Path directory;
    private final List<AutoCloseable> opened = new ArrayList<>();
    private Path file;
    private Path socket;
    private Path iommu;
    private DiskModel model;

    @BeforeEach
    void createFile() throws IOException {
        file = directory.resolve("disk.raw");
        socket = directory.resolve("disk.sock");
        iommu = directory.resolve("iommu.sock");
        var bytes = new byte[SECTORS * SECTOR];
        new Random(1).nextBytes(bytes);
        Files.write(file, bytes);
    }

    @AfterEach
    void close() throws Exception {
        for (var resource : opened.reversed()) {
            resource.close();
        }
    }

    private <T extends AutoCloseable> T opened(T resource) {
        opened.add(resource);
        return resource;
    }

    private DiskOptions options() {
        return DiskOptions.of(socket, file);
    }

    private void start(DiskOptions options) {
        model = opened(new DiskModel(options));
        model.start();
    }

    private DiskDriver driver(boolean translated) {
        return opened(DiskDriver.start(socket, translated ? iommu : null, 1, 0));
    }

    /** The file's bytes, read without closing the lock's file under the model. */
    private byte[] content() {
        model.stop();
        try {
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldReadAndWriteTheFile(boolean translated) throws IOException {
        byte[] before = Files.readAllBytes(file);
        start(options().withIommu(translated ? iommu : null));
        var disk = driver(translated);
        assertThat(disk.read(0, 7, 8 * SECTOR, 3))
                .isEqualTo(Arrays.copyOfRange(before, 7 * SECTOR, 15 * SECTOR));
        assertThat(disk.writtenBytes).isEqualTo(8 * SECTOR + 1);
        var written = new byte[16 * SECTOR];
        new Random(2).nextBytes(written);
        assertThat(disk.write(0, 100, written, 5)).isEqualTo(OK);
        assertThat(disk.writtenBytes).isEqualTo(1);
        assertThat(disk.flush(0)).isEqualTo(OK);

        var statistics = model.statistics();
        assertThat(statistics.reads()).isEqualTo(1);
        assertThat(statistics.readBytes()).isEqualTo(8 * SECTOR);
        assertThat(statistics.writes()).isEqualTo(1);
        assertThat(statistics.writtenBytes()).isEqualTo(16 * SECTOR);
        assertThat(statistics.flushes()).isEqualTo(1);
        System.arraycopy(written, 0, before, 100 * SECTOR, written.length);
        assertThat(content()).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldAgreeWithAModelOnRandomRequests(boolean translated) throws IOException {
        long seed = translated ? 11 : 12;
        var random = new Random(seed);
        byte[] expected = Files.readAllBytes(file);
        start(options().withIommu(translated ? iommu : null).withQueues(2));
        var disk = opened(DiskDriver.start(socket, translated ? iommu : null, 2, 0));
        for (int step = 0; step < 1500; step++) {
            int count = 1 + random.nextInt(random.nextInt(10) == 0 ? 500 : 16);
            int sector = random.nextInt(SECTORS - count + 1);
            int pieces = 1 + random.nextInt(20);
            int queue = random.nextInt(2);
            int from = sector * SECTOR;
            if (random.nextBoolean()) {
                assertThat(disk.read(queue, sector, count * SECTOR, pieces))
                        .as("seed %d step %d", seed, step)
                        .isEqualTo(Arrays.copyOfRange(expected, from, from + count * SECTOR));
            } else {
                var bytes = new byte[count * SECTOR];
                random.nextBytes(bytes);
                assertThat(disk.write(queue, sector, bytes, pieces))
                        .as("seed %d step %d", seed, step)
                        .isEqualTo(OK);
                System.arraycopy(bytes, 0, expected, from, bytes.length);
            }
        }
        assertThat(content()).isEqualTo(expected);
    }

    @Test
    void shouldMoveMorePiecesThanASystemCallTakes() throws IOException {
        int pages = 126 * 9;
        var content = new byte[pages * PAGE];
        new Random(3).nextBytes(content);
        Files.write(file, content);
        start(options().withIommu(iommu));
        var disk = driver(true);
        var memory = disk.driver.dma.allocate((long) pages * PAGE);
        long[] buffers = scattered(disk, memory.physicalAddress(), pages);
        long status = disk.statusAddress();
        assertThat(disk.request(0, BlockDescriptor.TYPE_IN, 0, buffers, true, status))
                .isEqualTo(OK);
        for (int page = 0; page < pages; page++) {
            var bytes = new byte[PAGE];
            memory.memory().asByteBuffer().get((pages - 1 - page) * PAGE, bytes);
            int from = page * PAGE;
            assertThat(bytes).isEqualTo(Arrays.copyOfRange(content, from, from + PAGE));
        }
        // And the other way: what was read is written back, one sector further.
        long[] all = Arrays.copyOf(buffers, buffers.length);
        all[all.length - 1] -= SECTOR;
        assertThat(disk.request(0, BlockDescriptor.TYPE_OUT, 1, all, false, status)).isEqualTo(OK);
        var expected = content.clone();
        System.arraycopy(content, 0, expected, SECTOR, content.length - SECTOR);
        assertThat(content()).isEqualTo(expected);
    }

    /** Buffers of nine pages each, none of which lies behind the one before: nothing to merge. */
    private static long[] scattered(DiskDriver disk, long physicalAddress, int pages) {
        var buffers = new long[2 * pages / 9];
        int next = pages;
        for (int i = 0; i < pages / 9; i++) {
            var list = new ScatterGatherList(9);
            for (int page = 0; page < 9; page++) {
                list.add(physicalAddress + (long) --next * PAGE, PAGE);
            }
            assertThat(disk.driver.dma.map(list, DmaDirection.BIDIRECTIONAL)).isTrue();
            buffers[2 * i] = list.iova(0);
            buffers[2 * i + 1] = 9 * PAGE;
        }
        return buffers;
    }

    @Test
    void shouldRefuseSectorsThatAreNotThere() {
        start(options());
        var disk = driver(false);
        assertThat(disk.read(0, SECTORS - 1, SECTOR, 1)).isNotNull();
        assertThat(disk.read(0, SECTORS, SECTOR, 1)).isNull();
        assertThat(disk.read(0, SECTORS - 1, 2 * SECTOR, 1)).isNull();
        assertThat(disk.read(0, -1, SECTOR, 1)).isNull();
        assertThat(disk.read(0, Long.MAX_VALUE, SECTOR, 1)).isNull();
        assertThat(disk.read(0, Long.MIN_VALUE, SECTOR, 1)).isNull();
        assertThat(disk.write(0, SECTORS, new byte[SECTOR], 1)).isEqualTo(IO_ERROR);
        assertThat(disk.write(0, SECTORS - 1, new byte[2 * SECTOR], 1)).isEqualTo(IO_ERROR);
        assertThat(model.statistics().errors()).isEqualTo(7);
        assertThat(content()).hasSize(SECTORS * SECTOR);
    }

    @Test
    void shouldRefuseDataThatIsNoWholeNumberOfSectors() {
        start(options());
        var disk = driver(false);
        assertThat(disk.read(0, 0, SECTOR + 1, 1)).isNull();
        assertThat(disk.write(0, 0, new byte[SECTOR - 1], 1)).isEqualTo(IO_ERROR);
    }

    @Test
    void shouldSayWhatItDoesNotKnow() {
        start(options());
        var disk = driver(false);
        for (int type : new int[] {2, 3, 5, 11, 13, -1, 0x8000_0000}) {
            assertThat(disk.request(0, type, 0, SECTOR, 1, true)).isEqualTo(UNSUPPORTED);
        }
        assertThat(disk.read(0, 0, SECTOR, 1)).isNotNull();
    }

    @Test
    void shouldTellItsIdentity() {
        start(options().withName("a-disk-with-a-name-of-30-chars"));
        var disk = driver(false);
        assertThat(disk.request(0, BlockDescriptor.TYPE_GET_ID, 0, 20, 2, true)).isEqualTo(OK);
        var bytes = new byte[20];
        disk.data(20).asByteBuffer().get(bytes);
        assertThat(new String(bytes, StandardCharsets.US_ASCII)).isEqualTo("a-disk-with-a-name-o");
    }

    @Test
    void shouldRefuseToWriteWhenReadOnly() throws IOException {
        byte[] before = Files.readAllBytes(file);
        start(options().withReadOnly(true));
        var disk = driver(false);
        assertThat(disk.driver.frontEnd.features() & ~(1L << 30))
                .isEqualTo(OFFERED | VirtioFeatures.BLK_RO);
        assertThat(disk.write(0, 0, new byte[SECTOR], 1)).isEqualTo(IO_ERROR);
        assertThat(disk.read(0, 0, SECTOR, 1)).isEqualTo(Arrays.copyOf(before, SECTOR));
        assertThat(content()).isEqualTo(before);
    }

    @Test
    void shouldWriteThroughForADriverThatCannotFlush() {
        start(options());
        var disk = opened(DiskDriver.start(socket, null, 1, VirtioFeatures.BLK_FLUSH));
        var bytes = new byte[SECTOR];
        new Random(5).nextBytes(bytes);
        assertThat(disk.write(0, 9, bytes, 2)).isEqualTo(OK);
        assertThat(disk.read(0, 9, SECTOR, 1)).isEqualTo(bytes);
    }

    @Test
    void shouldOfferOnlyWhatWorks() {
        start(options().withQueues(3));
        var disk = opened(DiskDriver.start(socket, null, 3, 0));
        var frontEnd = disk.driver.frontEnd;
        assertThat(frontEnd.features() & ~(1L << 30))
                .isEqualTo(OFFERED | VirtioFeatures.BLK_FLUSH | VirtioFeatures.BLK_MQ);
        assertThat(frontEnd.queueCount()).isEqualTo(3);
        var config = ByteBuffer.wrap(frontEnd.readConfig(0, BlockDescriptor.CONFIG_BYTES));
        config.order(ByteOrder.LITTLE_ENDIAN);
        assertThat(config.getLong(BlockDescriptor.CONFIG_CAPACITY_OFFSET)).isEqualTo(SECTORS);
        assertThat(config.getInt(BlockDescriptor.CONFIG_SEG_MAX_OFFSET)).isEqualTo(126);
        assertThat(config.getInt(BlockDescriptor.CONFIG_BLK_SIZE_OFFSET)).isEqualTo(SECTOR);
        assertThat(config.getShort(BlockDescriptor.CONFIG_NUM_QUEUES_OFFSET)).isEqualTo((short) 3);
        for (int queue = 0; queue < 3; queue++) {
            assertThat(disk.read(queue, queue, SECTOR, 1)).isNotNull();
        }
    }

    @Test
    void shouldFailARequestWhoseMemoryItMayNotReach() throws IOException {
        byte[] before = Files.readAllBytes(file);
        start(options().withIommu(iommu));
        var disk = driver(true);
        var pages = disk.driver.dma.allocate(8192);
        var dma = disk.driver.dma;
        long readable = dma.map(pages.physicalAddress(), 4096, DmaDirection.TO_DEVICE);
        long writable = dma.map(pages.physicalAddress(), 4096, DmaDirection.FROM_DEVICE);
        long status = disk.statusAddress();
        // Good memory first: still nothing of it may reach the file, or come from it.
        long[] wrongWay = {disk.data, SECTOR, readable, SECTOR};
        assertThat(disk.request(0, BlockDescriptor.TYPE_IN, 0, wrongWay, true, status))
                .isEqualTo(IO_ERROR);
        long[] wrongWayOut = {disk.data, SECTOR, writable, SECTOR};
        assertThat(disk.request(0, BlockDescriptor.TYPE_OUT, 0, wrongWayOut, false, status))
                .isEqualTo(IO_ERROR);
        long[] nowhere = {disk.data, SECTOR, 0x3fff_f000L, SECTOR};
        assertThat(disk.request(0, BlockDescriptor.TYPE_OUT, 0, nowhere, false, status))
                .isEqualTo(IO_ERROR);
        // A status that cannot be written: the request comes back, with nothing told.
        long[] good = {disk.data, SECTOR};
        assertThat(disk.request(0, BlockDescriptor.TYPE_IN, 0, good, true, readable))
                .isEqualTo(DiskDriver.UNTOLD);
        assertThat(disk.writtenBytes).isZero();
        assertThat(disk.read(0, 3, SECTOR, 1))
                .isEqualTo(Arrays.copyOfRange(before, 3 * SECTOR, 4 * SECTOR));
        assertThat(model.statistics().faults()).isEqualTo(4);
        assertThat(model.statistics().connected()).isTrue();
        assertThat(content()).isEqualTo(before);
    }

    @Test
    void shouldEndTheSessionOnAChainThatIsNoRequest() {
        start(options());
        var disk = driver(false);
        disk.driver.rings.getFirst().offerOne(0, disk.data, 15, 0);
        disk.driver.kicks.getFirst().signal();
        Await.until("the end of the session", () -> model.statistics().disconnections() == 1);
        assertThat(model.statistics().lastReason()).contains("has no header or no status");
        disk.driver.hangUp();
        assertThat(driver(false).read(0, 0, SECTOR, 1)).isNotNull();
    }

    @Test
    void shouldFailWhatTheFileNoLongerHas() throws IOException {
        start(options());
        var disk = driver(false);
        try (var other = new RandomAccessFile(file.toFile(), "rw")) {
            other.setLength(SECTOR);
        }
        assertThat(disk.read(0, 5, SECTOR, 1)).isNull();
        assertThat(disk.read(0, 0, SECTOR, 1)).isNotNull();
    }

    @Test
    void shouldServeOneDriverAfterTheOtherAndKeepNothing() {
        start(options().withIommu(iommu));
        cycle(1);
        int before = Descriptor.openCount();
        for (int i = 2; i < 22; i++) {
            cycle(i);
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    private void cycle(int number) {
        boolean translated = number % 2 == 0;
        try (var disk = DiskDriver.start(socket, translated ? iommu : null, 1, 0)) {
            assertThat(disk.read(0, number, SECTOR, 1)).isNotNull();
        }
        Await.until("a hang-up", () -> model.statistics().disconnections() == number);
    }

    @Test
    void shouldSayThatTheFileIsNotThere() {
        var missing = new DiskModel(DiskOptions.of(socket, directory.resolve("none.raw")));
        int before = Descriptor.openCount();
        assertThatThrownBy(missing::start)
                .isInstanceOf(DeviceModelException.class)
                .hasMessageContaining("none.raw does not exist");
        assertThat(Descriptor.openCount()).isEqualTo(before);
        assertThat(socket).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 513})
    void shouldSayThatTheFileIsNoWholeNumberOfSectors(int length) throws IOException {
        Files.write(file, new byte[length]);
        assertThatThrownBy(new DiskModel(options())::start)
                .isInstanceOf(DeviceModelException.class)
                .hasMessageContaining(length + " bytes")
                .hasMessageContaining("sectors of 512");
    }

    @Test
    void shouldSayThatADirectoryIsNoDisk() {
        assertThatThrownBy(new DiskModel(DiskOptions.of(socket, directory))::start)
                .isInstanceOf(DeviceModelException.class)
                .hasMessageContaining("cannot be opened");
    }

    @Test
    void shouldKeepAFileForItself() throws IOException {
        start(options());
        var other = directory.resolve("other.sock");
        var link = Files.createLink(directory.resolve("link.raw"), file);
        int before = Descriptor.openCount();
        for (boolean readOnly : new boolean[] {false, true}) {
            for (var name : List.of(file, link)) {
                var second = new DiskModel(DiskOptions.of(other, name).withReadOnly(readOnly));
                assertThatThrownBy(second::start)
                        .isInstanceOf(DeviceModelException.class)
                        .hasMessageContaining("is in use by another disk");
            }
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
        model.stop();
        var third = opened(new DiskModel(DiskOptions.of(other, file)));
        third.start();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void shouldKeepAFileFromOtherProcesses(boolean readOnly) throws Exception {
        start(options().withReadOnly(readOnly));
        var arguments = List.of(directory.resolve("other.sock").toString(), file.toString());
        try (var child = new ChildJvm(DiskProcess.class, arguments)) {
            assertThat(child.line()).contains("is in use by another disk");
        }
        var sharing = List.of(arguments.get(0), arguments.get(1), "read-only");
        try (var child = new ChildJvm(DiskProcess.class, sharing)) {
            assertThat(child.line())
                    .contains(readOnly ? DiskProcess.STARTED : "is in use by another disk");
        }
    }

    @Test
    void shouldWorkWithoutSpinning() {
        start(options().withWaiting(WaitPolicy.BLOCK));
        var disk = driver(false);
        for (int i = 0; i < 200; i++) {
            assertThat(disk.read(0, i, SECTOR, 1)).isNotNull();
        }
    }

    @Test
    void shouldSleepWhileThereIsNothingToDo() throws InterruptedException {
        start(options().withQueues(4));
        var disk = opened(DiskDriver.start(socket, null, 4, 0));
        assertThat(disk.read(2, 0, SECTOR, 1)).isNotNull();
        assertThat(LoopThread.busyMillis("disk", 300)).isLessThan(75);
    }
}
