package dev.outboard.dma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.outboard.dma.AttachProtocol.Grant;
import dev.outboard.dma.AttachProtocol.Segment;
import dev.outboard.iommu.CalgaryFormat;
import dev.outboard.iommu.DartFormat;
import dev.outboard.iommu.IotlbGeometry;
import dev.outboard.iommu.Replacement;
import dev.outboard.iommu.TableFormat;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class AttachProtocolTest {
    private final MemorySegment buffer = AttachProtocol.buffer(Arena.ofAuto());

    @Test
    void shouldReadWhatItWrote() {
        int length = AttachProtocol.writeHello(buffer, "nic0");
        assertThat(AttachProtocol.type(buffer, length)).isEqualTo(AttachProtocol.HELLO);
        assertThat(AttachProtocol.readText(buffer, length)).isEqualTo("nic0");
        Grant grant =
                new Grant(
                        DartFormat.INSTANCE,
                        2048,
                        new IotlbGeometry(16, 2, Replacement.RANDOM, 3, 16, 7),
                        3);
        length = AttachProtocol.writeGrant(buffer, grant);
        assertThat(AttachProtocol.readGrant(buffer, length)).isEqualTo(grant);
        Segment segment = new Segment(1L << 32, 1 << 20);
        length = AttachProtocol.writeSegment(buffer, segment);
        assertThat(AttachProtocol.readSegment(buffer, length)).isEqualTo(segment);
    }

    @Test
    void shouldCarryTheFormatWithPageSizeLevelsAndHub() {
        for (String title : new String[] {"papr-64k:3", "vtd:4", "amdv1:5", "vhpt", "papr-16m"}) {
            Grant grant = new Grant(TableFormat.ofTitle(title), 32768, IotlbGeometry.DEFAULT, 1, 0);
            int length = AttachProtocol.writeGrant(buffer, grant);
            assertThat(AttachProtocol.readGrant(buffer, length)).isEqualTo(grant);
        }
        Grant hub = new Grant(CalgaryFormat.INSTANCE, 8192, IotlbGeometry.DEFAULT, 1, 63);
        int length = AttachProtocol.writeGrant(buffer, hub);
        assertThat(AttachProtocol.readGrant(buffer, length)).isEqualTo(hub);
        for (int hubId : new int[] {64, -1}) {
            buffer.set(ValueLayout.JAVA_INT, 28, hubId);
            assertThatThrownBy(() -> AttachProtocol.readGrant(buffer, length))
                    .hasMessageContaining("hubId=" + hubId);
        }
    }

    @Test
    void shouldCutATextThatIsTooLong() {
        int length = AttachProtocol.writeRefusal(buffer, "x".repeat(10_000));
        assertThat(AttachProtocol.readText(buffer, length)).hasSize(512);
    }

    @Test
    void shouldRefuseNamesThatAreNone() {
        for (String name : new String[] {"", ".hidden", "a/b", "a b", "a\n", "x".repeat(65)}) {
            assertThatThrownBy(() -> AttachProtocol.requireName(name))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("no device name");
        }
        assertThat(AttachProtocol.requireName("pci:0000:00-1.f_")).isNotNull();
    }

    @Test
    void shouldRefuseTextsWhoseLengthLies() {
        int length = AttachProtocol.writeHello(buffer, "nic0");
        for (int lie : new int[] {-1, 3, 5, 513, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
            buffer.set(ValueLayout.JAVA_INT, 8, lie);
            assertThatThrownBy(() -> AttachProtocol.readText(buffer, length))
                    .isInstanceOf(IllegalArgumentException.class);
        }
    }

    /** Whatever comes, it is read or refused: no other exception, no endless loop. */
    @Test
    void shouldRefuseNoiseWithAReason() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        byte[] noise = new byte[AttachProtocol.BUFFER_BYTES];
        for (int round = 0; round < 50_000; round++) {
            int length = random.nextInt(AttachProtocol.BUFFER_BYTES + 1);
            if (random.nextBoolean()) {
                random.nextBytes(noise);
                MemorySegment.copy(noise, 0, buffer, ValueLayout.JAVA_BYTE, 0, noise.length);
            } else {
                AttachProtocol.writeGrant(
                        buffer, new Grant(DartFormat.INSTANCE, 2048, IotlbGeometry.DEFAULT, 1));
                buffer.set(ValueLayout.JAVA_INT_UNALIGNED, random.nextInt(32), random.nextInt());
                length = random.nextBoolean() ? 32 : length;
            }
            try {
                AttachProtocol.type(buffer, length);
                AttachProtocol.readGrant(buffer, length);
                AttachProtocol.readText(buffer, length);
            } catch (IllegalArgumentException refused) {
                assertThat(refused).as("seed=%d", seed).hasMessageNotContaining("null");
            }
        }
    }
}
