export { createLab } from './lab.ts'
export type * from './lab-types.ts'
export { type StoryOptions, type StoryResult, type StoryStep, tellStory } from './story.ts'
