package dev.outboard.perf.jmh;

import dev.outboard.perf.pattern.Pattern;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What it costs to write a frame's content, and to check every byte of it. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(3)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
public class PatternBenchmark {
    @Param({"38", "1474", "4096"})
    private int bytes;

    private Arena arena;
    private MemorySegment memory;
    private Pattern pattern;
    private long key;

    /** Fills the frame. */
    @Setup
    public void open() {
        arena = Arena.ofShared();
        memory = arena.allocate(bytes + Long.BYTES);
        pattern = new Pattern(1, bytes);
        key = pattern.key(1, 1);
        pattern.fill(memory, 2, bytes, key);
    }

    /** Gives the memory back. */
    @TearDown
    public void close() {
        arena.close();
    }

    /** Writes it. */
    @Benchmark
    public void fill() {
        pattern.fill(memory, 2, bytes, key);
    }

    /** Checks it. */
    @Benchmark
    public int check() {
        return pattern.mismatch(memory, 2, bytes, key);
    }
}
