package dev.outboard.host.process;

import dev.outboard.host.event.Event;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * A child process: another {@code outboard} with the java and the flags of this one, or a program
 * of somebody else.
 *
 * <p>Its output is read as it comes: lines that are events (the child runs with {@code --json}) can
 * be waited for, the rest is kept, bounded, for the one who asks. Closing ends it: first politely,
 * then not. It does not outlive this process; an Outboard child not even one that was ended by
 * {@code kill -9}, for it watches its parent itself.
 *
 * <p>Any thread. Owns two daemon threads until the child has ended.
 */
public final class OutboardProcess implements AutoCloseable {
    /** Set for Outboard children: the process id of the parent, without which they end. */
    public static final String PARENT_VARIABLE = "OUTBOARD_PARENT";

    private static final Duration POLITELY = Duration.ofSeconds(5);

    private final String name;
    private final Process process;
    private final EventLog events = new EventLog();
    private final OutputTail output = new OutputTail();
    private final OutputTail errors = new OutputTail();
    private final List<Thread> readers;

    private OutboardProcess(String name, Process process) {
        this.name = name;
        this.process = process;
        readers =
                List.of(
                        reader("out", process.getInputStream(), this::onOutput),
                        reader("err", process.getErrorStream(), errors::add));
    }

    /**
     * Starts {@code outboard} with these words.
     *
     * @param name what messages call it
     * @throws ProcessFailedException when it cannot be started
     */
    public static OutboardProcess start(String name, List<String> words) {
        return start(name, words, Map.of());
    }

    /** As {@link #start(String, List)}, with more environment variables. */
    public static OutboardProcess start(
            String name, List<String> words, Map<String, String> environment) {
        return start(name, List.of(), words, environment);
    }

    /**
     * Starts {@code outboard} by a program that becomes it, as {@code ip netns exec NAME}.
     *
     * @param starter that program and its arguments
     */
    public static OutboardProcess startBy(String name, List<String> starter, List<String> words) {
        return start(name, starter, words, Map.of());
    }

    private static OutboardProcess start(
            String name,
            List<String> starter,
            List<String> words,
            Map<String, String> environment) {
        var command = new ArrayList<>(starter);
        command.addAll(OutboardCommand.prefix());
        command.addAll(words);
        var all = new HashMap<>(environment);
        all.put(PARENT_VARIABLE, Long.toString(ProcessHandle.current().pid()));
        return startProgram(name, command, all);
    }

    /**
     * Starts any program.
     *
     * @param command the program and its arguments
     * @throws ProcessFailedException when it cannot be started
     */
    public static OutboardProcess startProgram(
            String name, List<String> command, Map<String, String> environment) {
        return startProgram(
                name, command, environment, ProcessBuilder.Redirect.from(new File("/dev/null")));
    }

    /** Starts a program that is told what to do by {@link #tell}. */
    public static OutboardProcess startConsole(String name, List<String> command) {
        return startProgram(name, command, Map.of(), ProcessBuilder.Redirect.PIPE);
    }

    private static OutboardProcess startProgram(
            String name,
            List<String> command,
            Map<String, String> environment,
            ProcessBuilder.Redirect input) {
        var builder = new ProcessBuilder(command);
        builder.redirectInput(input);
        builder.environment().putAll(environment);
        try {
            return new OutboardProcess(name, Spawner.start(builder));
        } catch (IOException e) {
            throw new ProcessFailedException(name + " could not be started: " + e.getMessage(), e);
        }
    }

    /** What messages call it. */
    public String name() {
        return name;
    }

    /** Its process id. */
    public long pid() {
        return process.pid();
    }

    /** Whether it runs. */
    public boolean isAlive() {
        return process.isAlive();
    }

    /**
     * Waits for the event that says that it is up.
     *
     * @throws ProcessFailedException when it ended first, with what it said, or the time is up
     */
    public Event awaitReady(Duration timeout) {
        return awaitEvent(Event.READY, timeout);
    }

    /**
     * Waits for an event and takes it: the oldest of this name that was not taken.
     *
     * @throws ProcessFailedException when it ended first, with what it said, or the time is up
     */
    public Event awaitEvent(String event, Duration timeout) {
        try {
            var found = events.take(event, timeout.toNanos());
            if (found != null) {
                return found;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ProcessFailedException("interrupted while waiting for " + name, e);
        }
        throw new ProcessFailedException(
                events.hasEnded()
                        ? name + " ended" + exitCodeText() + " before its " + event + complaint()
                        : name
                                + " said no "
                                + event
                                + " in "
                                + timeout.toMillis()
                                + " ms"
                                + complaint());
    }

    /** The events that were not taken. */
    public List<Event> events() {
        return events.snapshot();
    }

    /** Hears every event from now on, on the reader's thread. At most one listener. */
    public void onEvent(Consumer<Event> listener) {
        events.listen(listener);
    }

    /**
     * Writes a line to the standard input of a program that was started as a console.
     *
     * @throws ProcessFailedException when it has ended
     */
    public void tell(String line) {
        try {
            var input = process.getOutputStream();
            input.write((line + "\n").getBytes(StandardCharsets.UTF_8));
            input.flush();
        } catch (IOException e) {
            throw new ProcessFailedException(name + " has ended" + complaint(), e);
        }
    }

    /** What {@link #output} would say, which it says no more. */
    public String takeOutput() {
        return output.take();
    }

    /** The last thousand lines of standard output that were no events. */
    public String output() {
        return output.text();
    }

    /** The last thousand lines of standard error. */
    public String errorOutput() {
        return errors.text();
    }

    /** Asks it to end: SIGTERM. What it says after that is still read. */
    public void terminate() {
        // Not Process.destroy, which closes the streams as well.
        process.toHandle().destroy();
    }

    /** Ends it at once: SIGKILL. */
    public void kill() {
        process.toHandle().destroyForcibly();
    }

    /**
     * Waits until it has ended and all its output was read.
     *
     * @return its exit code; 128 plus the signal where one ended it
     * @throws ProcessFailedException when the time is up
     */
    public int awaitExit(Duration timeout) {
        try {
            var deadline = System.nanoTime() + timeout.toNanos();
            if (!process.waitFor(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
                throw new ProcessFailedException(
                        name + " did not end in " + timeout.toMillis() + " ms" + complaint());
            }
            for (var reader : readers) {
                // A grandchild may hold the stream open: what it says is no longer of interest.
                reader.join(Duration.ofNanos(Math.max(deadline - System.nanoTime(), 100_000_000)));
            }
            return process.exitValue();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ProcessFailedException("interrupted while waiting for " + name, e);
        }
    }

    /**
     * Asks it to end, and ends it when it does not in time.
     *
     * @return its exit code
     */
    public int stop(Duration timeout) {
        terminate();
        try {
            return awaitExit(timeout);
        } catch (ProcessFailedException e) {
            kill();
            return awaitExit(POLITELY);
        }
    }

    /** Ends it if it still runs, and waits until it has. */
    @Override
    public void close() {
        if (process.isAlive()) {
            stop(POLITELY);
        }
    }

    private void onOutput(String line) {
        var event = Event.parse(line);
        if (event == null) {
            output.add(line);
        } else {
            events.add(event);
        }
    }

    private Thread reader(String stream, InputStream from, Consumer<String> to) {
        return Thread.ofPlatform()
                .daemon()
                .name(name + "-" + stream)
                .start(() -> readLines(stream, from, to));
    }

    private void readLines(String stream, InputStream from, Consumer<String> to) {
        try (var lines = new BufferedReader(new InputStreamReader(from, StandardCharsets.UTF_8))) {
            for (var line = lines.readLine(); line != null; line = lines.readLine()) {
                to.accept(line);
            }
        } catch (IOException e) {
            errors.add("the " + stream + " stream broke: " + e.getMessage());
        } finally {
            if (stream.equals("out")) {
                events.end();
            }
        }
    }

    private String exitCodeText() {
        return process.isAlive() ? "" : " with exit code " + process.exitValue();
    }

    private String complaint() {
        var said = errors.lastLine();
        return said == null ? "" : ": " + said;
    }
}
