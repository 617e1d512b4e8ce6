package dev.outboard.uio.vfio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.MappedRegisters;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.nativecall.DataCalls;
import dev.outboard.uio.pci.ConfigurationDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A function on a kernel of the test's. */
@Timeout(60)
class VfioFunctionTest {
    private static final int SET_IRQS = 0x3b6e;
    private static final int RESET = 0x3b6f;
    private static final int REGION_INFO = 0x3b6c;
    private static final int IRQ_INFO = 0x3b6d;
    private static final long CONFIGURATION = 7L << 40;
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);

    private final FakeNode node = new FakeNode("VFIO 0000:00:04.0");
    private final List<EventDescriptor> events = new ArrayList<>();
    private int before;
    private int messages = 4;
    private int messageFlags = 1 | 1 << 3;
    private boolean hasLine = true;
    private int givenVectors;

    @BeforeEach
    void setUp() {
        // The fake's own is open, and is closed in the end.
        before = Descriptor.openCount() - 1;
        node.content(CONFIGURATION, 256);
        node.structures.put(
                0x3b6b,
                info -> {
                    put(info, 4, 3);
                    put(info, 8, 9);
                    put(info, 12, 5);
                    return 0;
                });
        node.structures.put(REGION_INFO, this::region);
        node.structures.put(IRQ_INFO, this::interrupts);
        node.structures.put(SET_IRQS, argument -> givenVectors);
        node.numbers.put(RESET, 0);
        for (int number = 0; number < 6; number++) {
            events.add(EventDescriptor.create());
        }
    }

    @AfterEach
    void shouldLeaveNothingOpen() {
        events.forEach(EventDescriptor::close);
        node.close();
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    private static void put(MemorySegment at, long offset, int value) {
        at.set(ValueLayout.JAVA_INT_UNALIGNED, offset, value);
    }

    private static void putLong(MemorySegment at, long offset, long value) {
        at.set(ValueLayout.JAVA_LONG_UNALIGNED, offset, value);
    }

    /** 0: mapped whole. 1: by call. 2: two pages of three mapped. 3: cannot be mapped after all. */
    private int region(MemorySegment info) {
        int index = info.get(ValueLayout.JAVA_INT, 8);
        long length = index == 7 ? 256 : index <= 3 ? 0x3000 : 0;
        int flags = index == 0 || index == 3 ? 7 : index == 2 ? 15 : 3;
        put(info, 4, flags);
        putLong(info, 16, length);
        putLong(info, 24, (long) index << 40);
        if (index == 2) {
            if (info.byteSize() >= 32 + 48) {
                put(info, 12, 32);
                put(info, 32, 1 | 1 << 16);
                put(info, 36, 0);
                put(info, 40, 2);
                putLong(info, 48, 0);
                putLong(info, 56, 0x1000);
                putLong(info, 64, 0x2000);
                putLong(info, 72, 0x1000);
            }
            put(info, 0, 32 + 48);
        }
        return 0;
    }

    private int interrupts(MemorySegment info) {
        int index = info.get(ValueLayout.JAVA_INT, 8);
        put(info, 4, index == 0 ? 7 : messageFlags);
        put(info, 12, index == 2 ? messages : index == 0 && hasLine ? 1 : 0);
        return 0;
    }

    private VfioFunction open() {
        return new VfioFunction(node, "0000:00:04.0");
    }

    private long command() {
        return node.content(CONFIGURATION, 256)
                .get(ValueLayout.JAVA_SHORT_UNALIGNED, ConfigurationDescriptor.COMMAND);
    }

    private String numbers(int from, int to) {
        var text = new StringBuilder();
        for (EventDescriptor event : events.subList(from, to)) {
            text.append("%08x".formatted(Integer.reverseBytes(event.descriptor().number())));
        }
        return text.toString();
    }

    /** What was asked of an index of interrupts: flags, first, count, data. */
    private List<String> asked(int index) {
        String wanted = "%08x".formatted(Integer.reverseBytes(index));
        return node.asked(SET_IRQS).stream()
                .filter(call -> call.substring(16, 24).equals(wanted))
                .map(call -> call.substring(8, 16) + call.substring(24))
                .toList();
    }

    @Test
    void shouldReachMemoryOnlyWhileItMay() {
        var space = node.content(CONFIGURATION, 256);
        space.set(ValueLayout.JAVA_SHORT_UNALIGNED, 4, (short) 0x404);
        try (var function = open()) {
            assertThat(command()).as("decodes, masters nothing").isEqualTo(0x403);
            function.allowDma(true);
            assertThat(command()).isEqualTo(0x407);
            function.reset();
            assertThat(command()).isEqualTo(0x403);
            assertThat(node.asked(RESET)).hasSize(1);
            function.allowDma(true);
        }
        assertThat(command()).isEqualTo(0x403);
        assertThat(node.closed).isTrue();
    }

    @Test
    void shouldMapWhatCanBeMappedAndAskForTheRest() {
        node.mappable.put(0L, MemoryFile.create("bar0", 0x3000));
        node.mappable.put(2L << 40, MemoryFile.create("bar2a", 0x1000));
        node.mappable.put((2L << 40) + 0x2000, MemoryFile.create("bar2b", 0x1000));
        node.content(1L << 40, 0x3000);
        node.content(2L << 40, 0x3000);
        node.content(3L << 40, 0x3000);
        try (var function = open()) {
            assertThat(node.mapped).containsExactly(0L, 2L << 40, (2L << 40) + 0x2000);
            assertThat(function.region(0)).isInstanceOf(MappedRegisters.class);
            function.region(0).putInt(0x2ffc, 7);
            assertThat(function.region(0).getInt(0x2ffc)).isEqualTo(7);
            for (int index = 1; index <= 3; index++) {
                var region = function.region(index);
                assertThat(region.lengthBytes()).isEqualTo(0x3000);
                for (long at : new long[] {0, 0xff8, 0x1000, 0x1ff8, 0x2000, 0x2ff8}) {
                    region.putLong(at, 0x0102030405060708L + at);
                    assertThat(region.getLong(at)).isEqualTo(0x0102030405060708L + at);
                    region.putShort(at + 2, (short) 9);
                    assertThat(region.getShort(at + 2)).isEqualTo((short) 9);
                    region.putByte(at + 1, (byte) 5);
                    assertThat(region.getByte(at + 1)).isEqualTo((byte) 5);
                    region.putInt(at + 4, -1);
                    assertThat(region.getInt(at + 4)).isEqualTo(-1);
                }
                assertThatThrownBy(() -> region.getInt(0x3000))
                        .isInstanceOf(IndexOutOfBoundsException.class);
                assertThatThrownBy(() -> region.getInt(-4))
                        .isInstanceOf(IndexOutOfBoundsException.class);
                assertThatThrownBy(() -> region.putInt(0xffe, 0))
                        .isInstanceOf(IndexOutOfBoundsException.class);
            }
            var calls = node.content(2L << 40, 0x3000);
            assertThat(calls.get(ValueLayout.JAVA_INT, 0)).as("mapped").isZero();
            assertThat(calls.get(ValueLayout.JAVA_INT, 0x1000)).as("asked for").isNotZero();
            assertThatThrownBy(() -> function.region(4))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("base address 4");
        }
    }

    @Test
    void shouldSignalMessagesInOneCall() {
        try (var function = open()) {
            assertThat(function.maximumVectors()).isEqualTo(4);
            assertThat(function.isLine()).isFalse();
            function.signal(events.subList(0, 3));
            assertThat(asked(2))
                    .containsExactly("24000000" + "00000000" + "03000000" + numbers(0, 3));
            function.signal(events.subList(0, 4));
            assertThat(asked(2).subList(1, 3))
                    .as("an old kernel takes all down first")
                    .containsExactly(
                            "21000000" + "00000000" + "00000000",
                            "24000000" + "00000000" + "04000000" + numbers(0, 4));
            assertThatThrownBy(() -> function.signal(events.subList(0, 5)))
                    .isInstanceOf(IllegalArgumentException.class);
            function.raise(2);
            assertThat(asked(2).getLast()).isEqualTo("22000000" + "02000000" + "01000000" + "01");
        }
        assertThat(asked(2).getLast()).isEqualTo("21000000" + "00000000" + "00000000");
    }

    @Test
    void shouldOnlyAddMessagesWhereTheKernelLetsIt() {
        messageFlags = 1;
        try (var function = open()) {
            function.signal(events.subList(0, 2));
            function.signal(events.subList(0, 4));
            assertThat(asked(2).getLast())
                    .isEqualTo("24000000" + "02000000" + "02000000" + numbers(2, 4));
            function.signal(events.subList(1, 4));
            assertThat(asked(2).getLast()).as("others").startsWith("24000000" + "00000000");
        }
    }

    @Test
    void shouldSayHowManyVectorsTheKernelHas() {
        try (var function = open()) {
            givenVectors = 2;
            assertThatThrownBy(() -> function.signal(events.subList(0, 4)))
                    .isInstanceOf(VfioException.class)
                    .hasMessageContaining("no 4 interrupt vectors")
                    .hasMessageContaining("but 2");
            givenVectors = 0;
        }
    }

    @Test
    void shouldHandALineToAllWhoShareIt() {
        messages = 0;
        try (var function = open()) {
            assertThat(function.isLine()).isTrue();
            assertThat(function.maximumVectors()).isEqualTo(1);
            function.signal(events.subList(0, 5));
            String call = asked(0).getLast();
            assertThat(call).startsWith("24000000" + "00000000" + "01000000");
            int number = Integer.reverseBytes(HexFormat.fromHexDigits(call.substring(24)));
            raise(number);
            for (EventDescriptor event : events.subList(0, 5)) {
                assertThat(event.await(PATIENCE_NANOS)).isTrue();
                assertThat(event.drain()).isEqualTo(1);
            }
            function.mask(false);
            function.mask(true);
            assertThat(asked(0).subList(1, 3))
                    .containsExactly(
                            "11000000" + "00000000" + "01000000",
                            "09000000" + "00000000" + "01000000");
        }
    }

    /** As the kernel would, by the number that it was given. */
    private static void raise(int number) {
        assertThat(DataCalls.eventWrite(number, 1)).isEqualTo(8);
    }

    @Test
    void shouldUseTheKindOfInterruptThatIsAskedFor() {
        try (var function = open()) {
            function.choose(InterruptKind.LINE);
            assertThat(function.isLine()).isTrue();
            assertThatThrownBy(() -> function.choose(InterruptKind.MSI))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThat(function.isLine()).isTrue();
            assertThat(function.maximumVectors()).isEqualTo(1);
            function.choose(InterruptKind.MSIX);
            function.signal(events.subList(0, 1));
            assertThatThrownBy(() -> function.choose(InterruptKind.LINE))
                    .isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void shouldDoWithoutInterrupts() {
        messages = 0;
        hasLine = false;
        try (var function = open()) {
            assertThat(function.maximumVectors()).isZero();
            function.signal(List.of());
            assertThatThrownBy(() -> function.signal(events.subList(0, 1)))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void shouldTellThatTheKernelWantsItBack() throws InterruptedException {
        var told = new CountDownLatch(1);
        var words = new ArrayList<String>();
        try (var function = open()) {
            function.onLost(
                    why -> {
                        words.add(why);
                        told.countDown();
                    });
            String call = asked(4).getFirst();
            raise(Integer.reverseBytes(HexFormat.fromHexDigits(call.substring(24))));
            assertThat(told.await(30, TimeUnit.SECONDS)).isTrue();
            assertThat(words).singleElement().asString().contains("wanted back");
            function.onLost(words::add);
            assertThat(words).as("told at once, too").hasSize(2);
        }
    }

    @Test
    void shouldRefuseWhatIsNoPciFunction() {
        node.structures.put(
                0x3b6b,
                info -> {
                    put(info, 4, 1 << 2);
                    put(info, 8, 9);
                    return 0;
                });
        assertThatThrownBy(this::open).isInstanceOf(VfioException.class);
        assertThat(node.closed).isTrue();
    }
}
