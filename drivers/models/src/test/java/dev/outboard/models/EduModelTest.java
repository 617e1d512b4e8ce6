package dev.outboard.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.uio.Descriptor;
import dev.outboard.uio.EventDescriptor;
import dev.outboard.uio.MemoryFile;
import dev.outboard.uio.WaitPolicy;
import dev.outboard.uio.vfiouser.VfioUserClient;
import dev.outboard.uio.vfiouser.VfioUserException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The teaching device, register by register. */
@Timeout(60)
class EduModelTest {
    private static final long TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(10);
    private static final long IOVA = 0x10000;
    private static final int PAGE = 4096;

    @TempDir Path directory;

    private EduModel model() {
        var model =
                new EduModel(
                        new EduOptions(
                                directory.resolve("edu.sock"), "edu", null, WaitPolicy.DEFAULT));
        model.start();
        return model;
    }

    private VfioUserClient client() {
        return VfioUserClient.connect(directory.resolve("edu.sock"), TIMEOUT_NANOS);
    }

    @Test
    void shouldBehaveAsItsSpecificationSays() {
        int before = Descriptor.openCount();
        try (var model = model();
                var client = client();
                var event = EventDescriptor.create()) {
            var registers = client.region(0);
            client.allowDma(true);
            client.signal(List.of(event));
            assertThat(registers.getInt(0)).isEqualTo(0x010000ed);
            registers.putInt(4, 0x1234);
            assertThat(registers.getInt(4)).isEqualTo(~0x1234);
            registers.putInt(0x20, 0x80);
            registers.putInt(8, 10);
            assertThat(event.await(TIMEOUT_NANOS)).isTrue();
            assertThat(registers.getInt(8)).isEqualTo(3_628_800);
            assertThat(registers.getInt(0x24)).isOne();
            registers.putInt(0x64, 1);
            assertThat(registers.getInt(0x24)).isZero();
            event.drain();
            registers.putInt(0x60, 0x40);
            assertThat(event.await(TIMEOUT_NANOS)).isTrue();
            assertThat(registers.getInt(0x24)).isEqualTo(0x40);
            assertThatThrownBy(() -> registers.getByte(0)).isInstanceOf(VfioUserException.class);
            assertThatThrownBy(() -> registers.getLong(8)).isInstanceOf(VfioUserException.class);
            assertThat(model.statistics().factorials()).isOne();
        }
        assertThat(Descriptor.openCount()).isEqualTo(before);
    }

    @Test
    void shouldCopyOnlyWhatItMayReach() {
        try (var model = model();
                var client = client();
                var event = EventDescriptor.create();
                var file = MemoryFile.create("edu", 2 * PAGE)) {
            file.sealSize();
            try (var mapping = file.map(0, 2 * PAGE, true)) {
                var memory = mapping.memory();
                client.signal(List.of(event));
                client.map(IOVA, memory, file.descriptor(), 0, 3);
                client.allowDma(true);
                memory.asSlice(0, PAGE).fill((byte) 7);
                copy(client, event, IOVA, 0x40000, PAGE, 5);
                copy(client, event, 0x40000, IOVA + PAGE, PAGE, 7);
                assertThat(memory.toArray(ValueLayout.JAVA_BYTE)).containsOnly(7);
                assertThat(model.statistics().copies()).isEqualTo(2);
                memory.fill((byte) 1);
                // Beyond its buffer, before it, and where nothing is mapped.
                copy(client, event, 0x40000, IOVA, PAGE + 1, 7);
                copy(client, event, 0x40001, IOVA, PAGE, 7);
                copy(client, event, 0x3ffff, IOVA, 8, 7);
                copy(client, event, 0x40000, IOVA, -1, 7);
                copy(client, event, 0x40000, IOVA + 3 * PAGE, PAGE, 7);
                copy(client, event, 0x40000, -PAGE, PAGE, 7);
                assertThat(memory.toArray(ValueLayout.JAVA_BYTE)).containsOnly(1);
                assertThat(model.statistics().faults()).isEqualTo(6);
                client.allowDma(false);
                client.region(0).putLong(0x98, 7);
                assertThat(event.await(TimeUnit.MILLISECONDS.toNanos(50))).isFalse();
                client.reset();
                assertThat(client.region(0).getLong(0x98)).isZero();
            }
        }
    }

    private static void copy(
            VfioUserClient client,
            EventDescriptor event,
            long source,
            long target,
            long length,
            int command) {
        var registers = client.region(0);
        registers.putLong(0x80, source);
        registers.putLong(0x88, target);
        registers.putLong(0x90, length);
        registers.putLong(0x98, command);
        assertThat(event.await(TIMEOUT_NANOS)).isTrue();
        event.drain();
        registers.putInt(0x64, -1);
    }
}
